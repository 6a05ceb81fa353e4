/** A rule, built from groups and conditions or written as text; both say the same. */
import { useMutation } from '@tanstack/react-query';
import { useId } from 'react';
import { Refusal } from '../../api/refusal.ts';
import { preview, type RuleForm } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import {
  type About,
  build,
  type Draft,
  draftOf,
  type GroupDraft,
  type Match,
  newGroup,
  newRow,
  replaced,
} from '../../rule/draft.ts';
import type { Level } from '../../rule/rule.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { Failure } from '../../ui/failure.tsx';
import { INPUT } from '../../ui/field.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { Menu, MenuItem } from '../../ui/menu.tsx';
import { Segmented } from '../../ui/segmented.tsx';
import { ConditionRow } from './condition-row.tsx';

export interface RuleState {
  mode: 'builder' | 'text';
  root: GroupDraft;
  text: string;
}

export function newRuleState(level: Level, start?: RuleForm | null): RuleState {
  if (start && 'text' in start) return { mode: 'text', root: newGroup(), text: start.text };
  const root = start ? draftOf(start.rule) : newGroup('all', [newRow('property', level)]);
  return { mode: 'builder', root, text: '' };
}

/** What the server is asked about: everything that is finished. */
export function formOf({ mode, root, text }: RuleState): { form: RuleForm | null; unfinished: number } {
  if (mode === 'text') return { form: text.trim() === '' ? null : { text }, unfinished: 0 };
  const { rule, unfinished } = build(root);
  return { form: rule === null ? null : { rule }, unfinished };
}

const MODES = [
  ['builder', 'Builder'],
  ['text', 'Text'],
] as const;

/** The problem is of the rule itself, and belongs beside it. */
export function isOfRule(cause: unknown): cause is Refusal {
  return cause instanceof Refusal && cause.problems.some(({ error_code }) => error_code === 'rule_invalid');
}

export function RuleEditor({
  level,
  state,
  onChange,
  problem,
}: {
  level: Level;
  state: RuleState;
  onChange: (state: RuleState) => void;
  /** What the server found wrong with the rule. */
  problem: unknown;
}) {
  const environment = useEnvironment();
  // The server has both forms of every rule.
  const turning = useMutation({
    mutationFn: async (mode: RuleState['mode']) => {
      const { form } = formOf(state);
      if (form === null) return { ...state, mode };
      const { rule, text } = await preview(environment.id, level, form);
      return mode === 'text' ? { ...state, mode, text } : { ...state, mode, root: draftOf(rule) };
    },
    onSuccess: onChange,
  });
  const { unfinished } = formOf(state);
  return (
    <div>
      <div className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1">
        <Segmented
          label="How the rule is written"
          options={MODES}
          value={state.mode}
          onChange={(mode) => turning.mutate(mode)}
          disabled={turning.isPending}
        />
        {state.mode === 'builder' && unfinished > 0 && (
          <p className="text-data text-muted">
            {unfinished === 1 ? 'One condition is' : `${unfinished} conditions are`} not finished and left
            out.
          </p>
        )}
      </div>
      {turning.error && !isOfRule(turning.error) && (
        <div className="mb-3">
          <Failure cause={turning.error} title="The rule could not be turned into the other form" />
        </div>
      )}
      {state.mode === 'builder' ? (
        <GroupEditor
          group={state.root}
          level={level}
          isRoot
          onChange={(root) => onChange({ ...state, root })}
        />
      ) : (
        <TextForm text={state.text} onChange={(text) => onChange({ ...state, text })} problem={problem} />
      )}
      {state.mode === 'builder' && isOfRule(problem) && <Problems cause={problem} />}
    </div>
  );
}

function Problems({ cause }: { cause: Refusal }) {
  return (
    <ul role="alert" className="mt-2 space-y-1 text-data text-bad">
      {cause.problems.map(({ details, message }) => (
        <li key={`${details} ${message}`}>{message}</li>
      ))}
    </ul>
  );
}

export function TextForm({
  text,
  onChange,
  problem,
}: {
  text: string;
  onChange: (text: string) => void;
  problem: unknown;
}) {
  const id = useId();
  const isWrong = isOfRule(problem);
  return (
    <div>
      <label htmlFor={id} className="sr-only">
        The rule as text
      </label>
      <textarea
        id={id}
        rows={5}
        value={text}
        onChange={({ target }) => onChange(target.value)}
        aria-invalid={isWrong || undefined}
        aria-describedby={`${id}-said`}
        placeholder={'plan is "pro" and did "invoice_paid" at least 3 times in the last 30 days'}
        className={classNames(INPUT, 'mono !h-auto py-2 leading-[20px]', isWrong && 'border-bad')}
        autoComplete="off"
        spellCheck={false}
      />
      <div id={`${id}-said`} role="status" className="mt-1 text-data">
        {isWrong ? (
          <span className="text-bad">{problem.message}</span>
        ) : (
          <span className="text-muted">
            Joined by <code>and</code>, <code>or</code>, <code>not</code> and parentheses:{' '}
            <code>plan is "pro"</code>, <code>seats &gt; 5</code>, <code>$last_seen in the last 7 days</code>,{' '}
            <code>company.plan exists</code>, <code>in segment 7</code>.
          </span>
        )}
      </div>
    </div>
  );
}

const MATCHES: [Match, string][] = [
  ['all', 'all of'],
  ['any', 'any of'],
  ['none', 'none of'],
  ['not_all', 'not all of'],
];

const ADDED: Record<Level, [About, Level, string][]> = {
  user: [
    ['property', 'user', 'A property'],
    ['event', 'user', 'An event'],
    ['page', 'user', 'A viewed page'],
    ['auto', 'user', 'Id, first or last seen'],
    ['property', 'company', 'A property of the company'],
    ['company', 'user', 'The company'],
    ['segment', 'user', 'Another segment'],
  ],
  company: [
    ['property', 'company', 'A property'],
    ['event', 'user', 'An event of its users'],
    ['page', 'user', 'A page viewed by its users'],
    ['auto', 'company', 'Id, first or last seen'],
    ['company', 'user', 'The company itself'],
    ['segment', 'user', 'Another segment'],
  ],
};

function GroupEditor({
  group,
  level,
  isRoot,
  onChange,
  onRemove,
}: {
  group: GroupDraft;
  level: Level;
  isRoot?: boolean;
  onChange: (group: GroupDraft) => void;
  onRemove?: () => void;
}) {
  const change = (key: number, next: (draft: Draft) => Draft | null) => onChange(replaced(group, key, next));
  const add = (draft: Draft) => onChange({ ...group, members: [...group.members, draft] });
  return (
    <fieldset
      className={classNames('min-w-0', !isRoot && 'border-t border-line py-2 first:border-t-0')}
      aria-label={isRoot ? 'The rule' : 'A group'}
    >
      <div className="flex items-center gap-1.5 text-body">
        <span>{isRoot ? (level === 'user' ? 'People who match' : 'Companies that match') : 'match'}</span>
        <select
          aria-label="How the conditions are joined"
          value={group.match}
          onChange={({ target }) => onChange({ ...group, match: target.value as Match })}
          className={classNames(INPUT, '!w-auto font-medium')}
        >
          {MATCHES.map(([match, title]) => (
            <option key={match} value={match}>
              {title}
            </option>
          ))}
        </select>
        <span>these:</span>
        {onRemove && (
          <IconButton label="Take this group away" className="ml-auto" onClick={onRemove}>
            <CloseIcon />
          </IconButton>
        )}
      </div>
      <div className="mt-1.5 ml-1 border-l-2 border-line pl-3">
        {group.members.length === 0 && (
          <p className="py-2 text-data text-muted">
            {isRoot ? 'No condition yet: everybody matches.' : 'No condition yet.'}
          </p>
        )}
        {group.members.map((member, index) =>
          member.row ? (
            <ConditionRow
              key={member.key}
              row={member}
              level={level}
              number={index + 1}
              onChange={(row) => change(member.key, () => row)}
              onRemove={() => change(member.key, () => null)}
            />
          ) : (
            <GroupEditor
              key={member.key}
              group={member}
              level={level}
              onChange={(inner) => change(member.key, () => inner)}
              onRemove={() => change(member.key, () => null)}
            />
          ),
        )}
        <div className="flex gap-1.5 pt-1.5">
          <Menu trigger={<Button small>Add a condition</Button>}>
            {ADDED[level].map(([about, of, title]) => (
              <MenuItem key={title} onSelect={() => add(newRow(about, of))}>
                {title}
              </MenuItem>
            ))}
          </Menu>
          <Button
            small
            look="quiet"
            onClick={() =>
              add(
                newGroup(group.match === 'any' ? 'all' : 'any', [
                  newRow('property', level === 'user' ? 'user' : 'company'),
                ]),
              )
            }
          >
            Add a group
          </Button>
        </div>
      </div>
    </fieldset>
  );
}
