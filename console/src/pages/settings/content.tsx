/** The content catalogue: what is registered of each kind, found by title or number, and changed by who may. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import {
  type Catalogue,
  CONTENT_KINDS,
  type Content,
  type ContentItem,
  type ContentKind,
  catalogueQuery,
  removeContent,
} from '../../api/content.ts';
import { Section } from '../../frame/page.tsx';
import { useEnvironment, useMay, useOrigin } from '../../frame/session.ts';
import { useKeys } from '../../keyboard/keys.ts';
import type { ContentSearch } from '../../router.tsx';
import {
  foundItems,
  idOf,
  isKeyed,
  KIND_WORDS,
  oneOf,
  registeringCall,
  titleOf,
} from '../../text/content.ts';
import { count, countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty, NothingFound, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Rows } from '../../ui/rows.ts';
import { SearchBox } from '../../ui/search-box.tsx';
import { Snippet } from '../../ui/snippet.tsx';
import { Time } from '../../ui/time.tsx';
import { NewItemDialog, OpenedItem } from './content-item.tsx';

export function ContentCatalogue() {
  const environment = useEnvironment();
  const catalogue = useQuery(catalogueQuery(environment.id));
  useKeys({ r: () => void catalogue.refetch() });
  return (
    <>
      {catalogue.isPending && <Skeleton lines={6} />}
      {catalogue.error && (
        <Failure
          cause={catalogue.error}
          title="The content could not be read"
          retry={() => void catalogue.refetch()}
        />
      )}
      {catalogue.data && <Kinds catalogue={catalogue.data} />}
    </>
  );
}

function Kinds({ catalogue }: { catalogue: Catalogue }) {
  const mayChange = useMay('admin');
  const { kind = 'flows', q = '', row, item } = useSearch({ from: '/frame/settings/content' });
  const navigate = useNavigate({ from: '/settings/content' });
  const [isAdding, setAdding] = useState(false);
  const change = useCallback(
    (change: ContentSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const setText = useCallback((q: string) => change({ q: q || undefined, row: undefined }), [change]);
  const content = catalogue[kind];
  const add = mayChange && (
    <Button look="primary" onClick={() => setAdding(true)}>
      Add {oneOf(kind)}
    </Button>
  );
  return (
    <>
      <Section
        title="Content"
        line="Muster shows no flows or surveys itself, but events name them by number or key. What is registered here gives each its title, and that is what lookups answer."
        actions={add}
      >
        <SearchBox
          label="Search all kinds by title or number"
          value={q}
          onSearch={setText}
          className="mb-4 max-w-[360px]"
        />
        <div className="flex flex-col gap-x-8 gap-y-4 sm:flex-row">
          <KindLinks catalogue={catalogue} shown={kind} q={q} />
          <div className="min-w-0 flex-1">
            {content.items.length === 0 ? (
              <NothingRegistered kind={kind} />
            ) : (
              <Items content={content} q={q} selected={row} onChange={change} />
            )}
          </div>
        </div>
      </Section>
      {mayChange && content.items.length > 0 && <AllAtOnce key={kind} content={content} />}
      {isAdding && (
        <NewItemDialog
          content={content}
          onClose={() => setAdding(false)}
          onAdded={(id) => change({ q: undefined, row: id })}
        />
      )}
      {item !== undefined && (
        <OpenedItem
          key={`${kind} ${item}`}
          content={content}
          id={item}
          onClose={() => change({ item: undefined })}
        />
      )}
    </>
  );
}

/** The kinds, each with how many of it are found. */
function KindLinks({ catalogue, shown, q }: { catalogue: Catalogue; shown: ContentKind; q: string }) {
  return (
    <nav aria-label="Kinds of content" className="-mx-2 flex flex-wrap gap-0.5 sm:w-[172px] sm:flex-col">
      {CONTENT_KINDS.map((kind) => {
        const found = foundItems(catalogue[kind].items, q).length;
        return (
          <Link
            key={kind}
            from="/settings/content"
            to="/settings/content"
            search={(before) => ({ ...before, kind, row: undefined, item: undefined })}
            activeOptions={{ exact: true }}
            aria-current={kind === shown ? 'page' : undefined}
            className={classNames(
              'flex h-8 items-center justify-between gap-2 rounded-md px-2 text-data hover:bg-hover hover:text-ink',
              kind === shown ? 'bg-hover font-medium text-ink' : 'text-muted',
            )}
          >
            {KIND_WORDS[kind].title}
            <span className={classNames('figures font-normal', found > 0 ? 'text-ink' : 'text-muted')}>
              {count(found)}
            </span>
          </Link>
        );
      })}
    </nav>
  );
}

const FACTS: Partial<Record<ContentKind, Column<ContentItem>>> = {
  embeds: {
    name: 'type',
    title: 'Kind',
    width: 100,
    cell: (item) => <span className="text-muted">{'type' in item && item.type}</span>,
  },
  surveys: {
    name: 'questions',
    title: 'Questions',
    width: 100,
    align: 'right',
    cell: (item) => 'modules' in item && count(item.modules.length),
  },
};

function columnsOf(kind: ContentKind): Column<ContentItem>[] {
  const facts = FACTS[kind];
  return [
    {
      name: 'title',
      title: isKeyed(kind) ? 'Name' : 'Title',
      width: 240,
      onSmall: true,
      cell: (item) => (
        <Link
          from="/settings/content"
          to="/settings/content"
          search={(before) => ({ ...before, row: idOf(item), item: idOf(item) })}
          className="font-medium hover:text-accent"
          title={titleOf(item)}
        >
          {titleOf(item)}
        </Link>
      ),
    },
    ...(facts === undefined ? [] : [facts]),
    {
      name: 'id',
      title: isKeyed(kind) ? 'Key' : 'Number',
      width: isKeyed(kind) ? 160 : 110,
      align: isKeyed(kind) ? undefined : 'right',
      onSmall: true,
      cell: (item) => (
        <span className="mono" title={idOf(item)}>
          {idOf(item)}
        </span>
      ),
    },
  ];
}

function Items({
  content,
  q,
  selected,
  onChange,
}: {
  content: Content;
  q: string;
  selected: string | undefined;
  onChange: (change: ContentSearch) => void;
}) {
  const { kind, items, updated_at, updated_by } = content;
  const navigate = useNavigate({ from: '/settings/content' });
  const columns = useMemo(() => columnsOf(kind), [kind]);
  const rows = useMemo(() => new Rows([foundItems(items, q)]), [items, q]);
  const words = KIND_WORDS[kind];
  if (rows.length === 0) {
    return (
      <NothingFound
        title={`No ${words.one} has “${q}” in its title or ${isKeyed(kind) ? 'key' : 'number'}`}
        onClear={() => onChange({ q: undefined })}
      />
    );
  }
  return (
    <>
      <DataTable
        label={words.title}
        columns={columns}
        rows={rows}
        idOf={idOf}
        selected={selected}
        onSelect={(row) => onChange({ row })}
        onOpen={(id) => void navigate({ search: (before) => ({ ...before, row: id, item: id }) })}
        embedded
      />
      <p className="mt-2 text-data text-muted">
        <span aria-live="polite">{countOf(items.length, words.one, words.many)}</span>
        {updated_at && (
          <>
            , changed <Time at={updated_at} />
            {updated_by && ` by ${updated_by}`}
          </>
        )}
      </p>
    </>
  );
}

function NothingRegistered({ kind }: { kind: ContentKind }) {
  const { one, many } = KIND_WORDS[kind];
  const mayChange = useMay('admin');
  return (
    <>
      <Empty title={`No ${one} is registered`}>
        Until then lookups of {many} answer with an empty list, and whoever reads an export sees numbers
        without titles. {!mayChange && 'An admin can register them.'}
      </Empty>
      {mayChange && <Call kind={kind}>One call registers them all.</Call>}
    </>
  );
}

/** The call that registers all of a kind, to be copied. */
function Call({ kind, children }: { kind: ContentKind; children: ReactNode }) {
  const call = registeringCall(useOrigin(), kind);
  return (
    <div>
      <div className="mb-2 flex items-end justify-between gap-4">
        <p className="max-w-[64ch] text-muted">
          {children} <code>MUSTER_KEY</code> holds a key with the scope <code>admin</code>, and the body is a
          list such as a lookup answers.
        </p>
        <CopyButton text={call} />
      </div>
      <Snippet label={`The call that registers ${KIND_WORDS[kind].many}`} text={call} />
    </div>
  );
}

function AllAtOnce({ content }: { content: Content }) {
  const [isRemoving, setRemoving] = useState(false);
  const { title, many } = KIND_WORDS[content.kind];
  return (
    <Section title="All at once">
      <Call kind={content.kind}>A call replaces all {many} by those that it lists.</Call>
      <div className="mt-4">
        <Button look="danger" onClick={() => setRemoving(true)}>
          Remove all {many}
        </Button>
      </div>
      {isRemoving && <RemoveAll content={content} title={title} onClose={() => setRemoving(false)} />}
    </Section>
  );
}

function RemoveAll({ content, title, onClose }: { content: Content; title: string; onClose: () => void }) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  const { one, many } = KIND_WORDS[content.kind];
  return (
    <ConfirmByName
      title={`Remove all ${many}?`}
      name={title}
      action="Remove them"
      run={async () => {
        try {
          await removeContent(environment.id, content);
        } finally {
          await cache.invalidateQueries(catalogueQuery(environment.id));
        }
      }}
      onClose={onClose}
    >
      <p>
        {countOf(content.items.length, one, many)} of {environment.name} lose their titles, and lookups answer
        with an empty list. Events stay as they are.
      </p>
    </ConfirmByName>
  );
}
