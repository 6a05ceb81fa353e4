/** A segment while it is made or changed: what it is called, who belongs to it, and how many that are now. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import {
  changeList,
  changeSegment,
  makeSegment,
  type RuleForm,
  type Segment,
  type SegmentBody,
  segmentQuery,
} from '../../api/segments.ts';
import { Page } from '../../frame/page.tsx';
import { useEnvironment } from '../../frame/session.ts';
import { idsIn, parts } from '../../rule/ids.ts';
import type { Level } from '../../rule/rule.ts';
import { countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field } from '../../ui/field.tsx';
import { Segmented } from '../../ui/segmented.tsx';
import { Back } from '../profile-parts.tsx';
import { IdsField } from './ids-field.tsx';
import { PreviewPanel, usePreview } from './preview-panel.tsx';
import { formOf, isOfRule, newRuleState, RuleEditor } from './rule-editor.tsx';

/** What one call carries: the server takes a megabyte. */
export const CALL_BYTES_MAX = 400_000;

const LEVELS = [
  ['user', 'Users'],
  ['company', 'Companies'],
] as const;
const KINDS = [
  ['rule', 'A rule'],
  ['static', 'A list'],
] as const;

export function NewSegmentPage() {
  const { level = 'user', filter } = useSearch({ from: '/frame/segments/new' });
  const environment = useEnvironment();
  return (
    <Page title="New segment" above={<Back to="/segments">Segments</Back>}>
      <Form key={environment.id} level={level} start={filter === undefined ? null : { text: filter }} />
    </Page>
  );
}

export function EditSegmentPage() {
  const { id } = useParams({ from: '/frame/segments/$id/edit' });
  const environment = useEnvironment();
  const segment = useQuery({
    ...segmentQuery(environment.id, Number(id)),
    // What is being edited is what was read when it began; the server refuses what others changed since.
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Page
      title={segment.data ? `Edit ${segment.data.name}` : 'Edit a segment'}
      above={<Back to="/segments">Segments</Back>}
    >
      {segment.error && (
        <div className="px-4 sm:px-6">
          <Failure
            cause={segment.error}
            title="The segment could not be read"
            retry={() => void segment.refetch()}
          />
        </div>
      )}
      {segment.isPending && <Skeleton lines={8} className="px-4 sm:px-6" />}
      {segment.data && (
        <Form
          key={`${segment.data.id} ${segment.data.version}`}
          segment={segment.data}
          level={segment.data.level}
          start={segment.data.rule === null ? null : { rule: segment.data.rule }}
        />
      )}
    </Page>
  );
}

function Form({
  segment,
  level: firstLevel,
  start,
}: {
  segment?: Segment;
  level: Level;
  start: RuleForm | null;
}) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [name, setName] = useState(segment?.name ?? '');
  const [description, setDescription] = useState(segment?.description ?? '');
  const [level, setLevel] = useState(firstLevel);
  const [kind, setKind] = useState<Segment['kind']>(segment?.kind ?? 'rule');
  const [state, setState] = useState(() => newRuleState(firstLevel, start));
  const [listed, setListed] = useState('');
  const { form, unfinished } = formOf(state);
  const isRule = kind === 'rule';
  const asked = usePreview(level, isRule ? form : null);
  const ids = isRule ? [] : idsIn(listed);
  const saving = useMutation({
    mutationFn: () => save(environment.id, segment, { name, description, level }, isRule ? form : ids),
    onSuccess: async (saved) => {
      await Promise.all(
        ['segments', 'segment', 'segments-of', 'members'].map((key) =>
          cache.invalidateQueries({ queryKey: [key, environment.id] }),
        ),
      );
      await navigate({ to: '/segments/$id', params: { id: String(saved.id) }, search: {} });
    },
  });
  const mayBeSaved = name.trim() !== '' && (!isRule || (form !== null && unfinished === 0));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mayBeSaved) saving.mutate();
  };
  const changeLevel = (next: Level) => {
    setLevel(next);
    setState(newRuleState(next));
  };
  return (
    <form onSubmit={submit} className="px-4 sm:px-6">
      <div className="grid gap-x-10 gap-y-6 xl:grid-cols-[minmax(0,1fr)_340px]">
        <div className="min-w-0">
          <div className="mb-5 grid gap-3 sm:grid-cols-2">
            <Field
              label="Name"
              value={name}
              onChange={({ target }) => setName(target.value)}
              autoComplete="off"
              autoFocus={segment === undefined}
            />
            <Field
              label="What it is for"
              value={description}
              onChange={({ target }) => setDescription(target.value)}
              autoComplete="off"
            />
          </div>
          {segment === undefined && (
            <div className="mb-5 flex flex-wrap gap-3">
              <Segmented label="Who belongs to it" options={LEVELS} value={level} onChange={changeLevel} />
              <Segmented label="How they are named" options={KINDS} value={kind} onChange={setKind} />
            </div>
          )}
          {isRule ? (
            // Enter in a field of the rule ends the field, it does not save the segment.
            <div
              role="group"
              aria-label="What they match"
              onKeyDown={(event) => {
                if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
              }}
            >
              <RuleEditor level={level} state={state} onChange={setState} problem={asked.error} />
            </div>
          ) : segment === undefined ? (
            <IdsField level={level} value={listed} onChange={setListed} />
          ) : (
            <p className="text-muted">Ids are added and taken away on the segment’s own page.</p>
          )}
          {saving.error && (
            <div className="mt-4">
              <Failure cause={saving.error} title="The segment was not saved" />
            </div>
          )}
          <div className="mt-6 flex flex-wrap items-center gap-2">
            <Button
              type="submit"
              look="primary"
              disabled={!mayBeSaved || isOfRule(asked.error)}
              busy={saving.isPending}
            >
              {segment === undefined ? 'Save the segment' : 'Save the changes'}
            </Button>
            <Button look="quiet" onClick={() => void navigate({ to: '/segments', search: {} })}>
              Cancel
            </Button>
            {name.trim() === '' && <span className="text-data text-muted">It needs a name.</span>}
          </div>
        </div>
        {isRule ? (
          <div className="min-w-0 max-xl:order-first max-xl:border-b max-xl:border-line max-xl:pb-5">
            <PreviewPanel level={level} asked={asked} />
          </div>
        ) : (
          segment === undefined && (
            <p className="figures text-muted" role="status">
              {countOf(ids.length, 'id')}
            </p>
          )
        )}
      </div>
    </form>
  );
}

interface Said {
  name: string;
  description: string;
  level: Level;
}

async function save(
  environment: number,
  segment: Segment | undefined,
  said: Said,
  who: RuleForm | string[] | null,
): Promise<Segment> {
  if (segment !== undefined) {
    const rule = segment.kind === 'rule' && who !== null && !Array.isArray(who) ? who : {};
    return changeSegment(environment, segment, { ...said, ...rule } as SegmentBody);
  }
  if (!Array.isArray(who)) return makeSegment(environment, { ...said, ...(who ?? { rule: { all: [] } }) });
  const [first = [], ...rest] = parts(who, CALL_BYTES_MAX);
  const made = await makeSegment(environment, { ...said, members: first });
  for (const part of rest) await changeList(environment, made.id, 'add', part);
  return made;
}
