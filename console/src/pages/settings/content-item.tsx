/** One item of the content catalogue: added, renamed, removed, or only read by who may not change it. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import {
  type Catalogue,
  type Content,
  type ContentItem,
  type ContentKind,
  catalogueQuery,
  registerContent,
} from '../../api/content.ts';
import { useEnvironment, useMay } from '../../frame/session.ts';
import {
  type Draft,
  draftOf,
  idOf,
  idProblem,
  isKeyed,
  itemOf,
  KIND_WORDS,
  oneOf,
  titleOf,
  withItem,
  withoutItem,
} from '../../text/content.ts';
import { Button } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field, SelectField } from '../../ui/field.tsx';

/** As the server has it. */
const CHARS_MAX = { title: 255, platform: 64 };

/** Changes the items of a kind. When somebody else did meanwhile it is refused, and the next try is of what is there then. */
function useRegister(content: Content) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  const query = catalogueQuery(environment.id);
  return async (change: (items: ContentItem[]) => ContentItem[]) => {
    try {
      const changed = await registerContent(environment.id, content, change(content.items));
      cache.setQueryData(query.queryKey, (before: Catalogue | undefined) =>
        before === undefined ? before : { ...before, [changed.kind]: changed },
      );
    } catch (cause) {
      void cache.invalidateQueries(query);
      throw cause;
    }
  };
}

export function NewItemDialog({
  content,
  onClose,
  onAdded,
}: {
  content: Content;
  onClose: () => void;
  onAdded: (id: string) => void;
}) {
  const { kind, items } = content;
  const [draft, setDraft] = useState(draftOf(undefined));
  const [wasTried, setTried] = useState(false);
  const register = useRegister(content);
  const item = itemOf(kind, draft, undefined);
  const problem = idProblem(kind, draft.id, items);
  const adding = useMutation({
    mutationFn: () => register((items) => withItem(items, item)),
    onSuccess: () => {
      onClose();
      onAdded(idOf(item));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (problem === null) adding.mutate();
  };
  return (
    <Dialog title={`Add ${oneOf(kind)}`} onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <Field
          label={isKeyed(kind) ? 'Key' : 'Number'}
          required
          autoFocus
          inputMode={isKeyed(kind) ? 'text' : 'numeric'}
          maxLength={CHARS_MAX.title}
          autoComplete="off"
          spellCheck={false}
          value={draft.id}
          onChange={({ target }) => setDraft({ ...draft, id: target.value })}
          hint="As events name it. It cannot be changed later."
          error={wasTried ? problem : null}
        />
        <ItemFields kind={kind} draft={draft} onChange={(change) => setDraft({ ...draft, ...change })} />
        {adding.error && <Failure cause={adding.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={adding.isPending}>
            Add it
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** The item that the address names. */
export function OpenedItem({ content, id, onClose }: { content: Content; id: string; onClose: () => void }) {
  const mayChange = useMay('admin');
  const [isRemoving, setRemoving] = useState(false);
  const item = content.items.find((each) => idOf(each) === id);
  if (item === undefined) {
    return (
      <Dialog title={nameOf(content.kind, id)} onClose={onClose}>
        <p>Nothing is registered under this {isKeyed(content.kind) ? 'key' : 'number'}.</p>
        <DialogActions>
          <Button onClick={onClose}>Close</Button>
        </DialogActions>
      </Dialog>
    );
  }
  if (!mayChange) return <ReadItem content={content} item={item} onClose={onClose} />;
  if (isRemoving) return <RemoveItem content={content} item={item} onClose={onClose} />;
  return <ItemDialog content={content} item={item} onClose={onClose} onRemove={() => setRemoving(true)} />;
}

/** `Flow 448`. */
function nameOf(kind: ContentKind, id: string): string {
  const { one } = KIND_WORDS[kind];
  return `${one[0]?.toUpperCase()}${one.slice(1)} ${id}`;
}

function ItemDialog({
  content,
  item,
  onClose,
  onRemove,
}: {
  content: Content;
  item: ContentItem;
  onClose: () => void;
  onRemove: () => void;
}) {
  const register = useRegister(content);
  // Only what was entered: all else is as somebody may have changed it meanwhile.
  const [entered, setEntered] = useState<Partial<Draft>>({});
  const draft = { ...draftOf(item), ...entered };
  const saving = useMutation({
    mutationFn: () => register((items) => withItem(items, itemOf(content.kind, draft, item))),
    onSuccess: onClose,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <Dialog title={nameOf(content.kind, idOf(item))} onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <ItemFields
          kind={content.kind}
          draft={draft}
          onChange={(change) => setEntered({ ...entered, ...change })}
        />
        <Questions item={item}>They are changed by the call that registers surveys.</Questions>
        {saving.error && <Failure cause={saving.error} />}
        <div className="flex flex-wrap items-end justify-between gap-2">
          <Button look="danger" onClick={onRemove}>
            Remove…
          </Button>
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" busy={saving.isPending}>
              Save
            </Button>
          </DialogActions>
        </div>
      </form>
    </Dialog>
  );
}

/** An item for who may not change it. */
function ReadItem({ content, item, onClose }: { content: Content; item: ContentItem; onClose: () => void }) {
  const { platform, type } = draftOf(item);
  const facts: Partial<Record<ContentKind, string>> = { embeds: type, surveys: `for ${platform}` };
  const about = facts[content.kind];
  return (
    <Dialog title={nameOf(content.kind, idOf(item))} onClose={onClose}>
      <p className="mb-4 break-words">
        {titleOf(item)} {about && <span className="text-data text-muted">{about}</span>}
      </p>
      <Questions item={item} />
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
      </DialogActions>
    </Dialog>
  );
}

/** What can be changed of an item that is there. */
function ItemFields({
  kind,
  draft,
  onChange,
}: {
  kind: ContentKind;
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
}) {
  return (
    <>
      <Field
        label={isKeyed(kind) ? 'Name' : 'Title'}
        required
        maxLength={CHARS_MAX.title}
        autoComplete="off"
        value={draft.title}
        onChange={({ target }) => onChange({ title: target.value })}
      />
      {kind === 'embeds' && (
        <SelectField
          label="Kind"
          value={draft.type}
          onChange={({ target }) => onChange({ type: target.value === 'banner' ? 'banner' : 'card' })}
        >
          <option value="card">Card</option>
          <option value="banner">Banner</option>
        </SelectField>
      )}
      {kind === 'surveys' && (
        <Field
          label="Platform"
          required
          maxLength={CHARS_MAX.platform}
          autoComplete="off"
          value={draft.platform}
          onChange={({ target }) => onChange({ platform: target.value })}
        />
      )}
    </>
  );
}

/** The questions of a survey, in their order. */
function Questions({ item, children }: { item: ContentItem; children?: ReactNode }) {
  if (!('modules' in item) || item.modules.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-data font-medium">Questions</h3>
      <ol className="border-t border-line">
        {item.modules
          .toSorted((a, b) => a.order - b.order)
          .map(({ id, question, type }) => (
            <li key={id} className="border-b border-line py-1.5 break-words">
              {question} <span className="text-data text-muted">{type.replaceAll('_', ' ')}</span>
            </li>
          ))}
      </ol>
      {children && <p className="mt-1 text-data text-muted">{children}</p>}
    </div>
  );
}

function RemoveItem({
  content,
  item,
  onClose,
}: {
  content: Content;
  item: ContentItem;
  onClose: () => void;
}) {
  const register = useRegister(content);
  const title = titleOf(item);
  return (
    <ConfirmByName
      title={`Remove ${title}?`}
      name={title}
      otherName={idOf(item)}
      action={`Remove the ${KIND_WORDS[content.kind].one}`}
      run={() => register((items) => withoutItem(items, idOf(item)))}
      onClose={onClose}
    >
      <p>Lookups no longer name {idOf(item)}. Events that mention it stay as they are, without a title.</p>
    </ConfirmByName>
  );
}
