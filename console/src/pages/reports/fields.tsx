/** The fields that questions of all kinds share: events, times, who, and what is told apart. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useId, useMemo, useState } from 'react';
import { propertiesQuery } from '../../api/history.ts';
import { segmentsQuery } from '../../api/segments.ts';
import { useEnvironment, useMay } from '../../frame/session.ts';
import {
  type Breakdown,
  breakdownAt,
  breakdownOf,
  breakdownValue,
  type ConversionWindow,
  levelOf,
  type Pattern,
  type Span,
  textsOf,
  valuesOf,
  type Who,
  WINDOW_MAX,
  WINDOW_UNITS,
  type WindowUnit,
  whereOf,
} from '../../report/question.ts';
import type { Level } from '../../rule/rule.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Chips } from '../../ui/chips.tsx';
import { classNames } from '../../ui/class-names.ts';
import { INPUT } from '../../ui/field.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { NumberField } from '../../ui/number-field.tsx';
import { Segmented } from '../../ui/segmented.tsx';
import { BreakdownSelect, ValueAtSelect } from '../breakdown-select.tsx';
import { type ChosenEvent, EventChoice, useEventNames } from '../segments/event-choice.tsx';
import { FilterBar } from '../segments/filter-bar.tsx';

export interface FieldsProps<Question> {
  question: Question;
  onChange: (change: Partial<Question>) => void;
}

/** The list with one of its items changed, or taken out. */
export function changed<Item>(list: Item[], index: number, change: Partial<Item> | null): Item[] {
  return list.flatMap((item, at) =>
    at !== index ? [item] : change === null ? [] : [{ ...item, ...change }],
  );
}

/** One part of a question, with its heading. */
export function Part({
  title,
  children,
  actions,
}: {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <section aria-label={title} className="border-t border-line py-3 first:border-t-0 first:pt-0">
      <div className="mb-1.5 flex items-center justify-between gap-2">
        <h2 className="text-data font-medium text-muted">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

export function Choice<Value extends string>({
  label,
  value,
  options,
  onChange,
  className = '!w-auto',
}: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
  className?: string;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={({ target }) => {
        const chosen = options.find(([each]) => each === target.value)?.[0];
        if (chosen !== undefined) onChange(chosen);
      }}
      className={classNames(INPUT, className)}
    >
      {options.map(([each, title]) => (
        <option key={each} value={each}>
          {title}
        </option>
      ))}
    </select>
  );
}

const OWNERS = [
  ['event', 'the event’s'],
  ['user', 'the user’s, then'],
] as const;

const ACTIVE = { kind: ' active', title: 'Any activity' };

function chosenOf({ event, type, active }: Pattern): ChosenEvent {
  if (active) return { kind: ACTIVE.kind, name: '' };
  return { kind: type ?? 'track', name: event ?? '' };
}

/** The same pattern with another event; filters of the one before mean nothing for it. */
function withEvent({ kind, name }: ChosenEvent): Pick<Pattern, 'event' | 'type' | 'active' | 'where'> {
  const none = { event: undefined, type: undefined, active: undefined, where: undefined };
  if (kind === ACTIVE.kind) return { ...none, active: true };
  if (name === '') return { ...none, type: kind };
  return kind === 'track' ? { ...none, event: name } : { ...none, event: name, type: kind };
}

/** An event, and which values its properties must have. */
export function PatternField({
  label,
  pattern,
  onChange,
  onRemove,
  children,
}: {
  label: string;
  pattern: Pattern;
  onChange: (change: Partial<Pattern>) => void;
  onRemove?: () => void;
  /** Stands behind the event. */
  children?: ReactNode;
}) {
  const where = pattern.where ?? [];
  const names = useEventNames();
  const offered = useMemo(() => {
    const meant = names.filter(
      (each) => pattern.active || each.event_name === pattern.event || each.event_type === pattern.type,
    );
    const all = meant.flatMap(({ properties }) => properties.filter(({ masked }) => !masked));
    return [...new Set(all.map(({ name }) => name))].toSorted();
  }, [names, pattern]);
  const environment = useEnvironment();
  const seesAll = useMay('analyst');
  const ofUser = where.some(({ of }) => of === 'user');
  const known = useQuery({ ...propertiesQuery(environment.id, 'user'), enabled: ofUser }).data?.data ?? [];
  const ofUsers = known.filter(({ pii }) => seesAll || !pii).map(({ name }) => name);
  const listId = useId();
  const change = (index: number, next: Partial<(typeof where)[number]> | null) => {
    const left = changed(where, index, next);
    onChange({ where: left.length > 0 ? left : undefined });
  };
  return (
    <div role="group" aria-label={label} className="min-w-0">
      <div className="flex flex-wrap items-center gap-1.5">
        <EventChoice
          label={`${label}: event`}
          chosen={chosenOf(pattern)}
          extra={ACTIVE}
          onChange={(event) => onChange(withEvent(event))}
          className="!w-auto min-w-0 flex-1"
        />
        {children}
        <Button small look="quiet" onClick={() => onChange({ where: [...where, { name: '', any_of: [] }] })}>
          + where <span className="sr-only">for {label}</span>
        </Button>
        {onRemove && (
          <IconButton label={`Take ${label.toLowerCase()} away`} onClick={onRemove}>
            <CloseIcon />
          </IconButton>
        )}
      </div>
      {where.map(({ name, of, any_of }, index) => (
        <div key={index} className="mt-1.5 flex flex-wrap items-center gap-1.5 pl-3 text-data text-muted">
          where
          <Choice
            label="Whose property"
            value={of ?? 'event'}
            options={OWNERS}
            onChange={(owner) => {
              const turned = where.map((each, at) => (at === index ? whereOf(each, owner) : each));
              onChange({ where: turned });
            }}
          />
          <input
            type="text"
            aria-label={`Property of the ${of ?? 'event'}`}
            placeholder="property"
            list={of === 'user' ? `${listId}-user` : listId}
            value={name}
            onChange={({ target }) => change(index, { name: target.value })}
            className={classNames(INPUT, '!w-[116px]')}
            autoComplete="off"
            spellCheck={false}
          />
          is one of
          <Chips
            label="Values"
            values={textsOf(any_of)}
            onChange={(texts) => change(index, { any_of: valuesOf(texts) })}
          />
          <IconButton label="Take this filter away" onClick={() => change(index, null)}>
            <CloseIcon size={14} />
          </IconButton>
        </div>
      ))}
      <Offered id={listId} names={offered} />
      {ofUser && <Offered id={`${listId}-user`} names={ofUsers} />}
    </div>
  );
}

function Offered({ id, names }: { id: string; names: string[] }) {
  return (
    <datalist id={id}>
      {names.map((each) => (
        <option key={each} value={each} />
      ))}
    </datalist>
  );
}

/** Events that a question is about, and what is said of them. */
export function PatternPart({
  title,
  label,
  pattern,
  onChange,
  children,
}: {
  title: string;
  label: string;
  pattern: Pattern;
  onChange: (change: Partial<Pattern>) => void;
  children: ReactNode;
}) {
  return (
    <Part title={title}>
      <PatternField label={label} pattern={pattern} onChange={onChange} />
      <div className="mt-1.5">{children}</div>
    </Part>
  );
}

const DAYS = [7, 14, 30, 90, 180, 365] as const;

export function SpanField({
  span: { last_days, from, to },
  onChange,
  other,
}: {
  span: Span;
  onChange: (span: Span) => void;
  /** A way to say when that only this question has. */
  other?: { title: string; isChosen: boolean; onChoose: () => void };
}) {
  const span: Span = { last_days, from, to };
  const isBetween = last_days === undefined && !other?.isChosen;
  const value = other?.isChosen ? 'other' : isBetween ? 'between' : String(last_days);
  const options = [...new Set([...DAYS, ...(last_days === undefined ? [] : [last_days])])]
    .toSorted((a, b) => a - b)
    .map((days) => [String(days), `Last ${days} days`] as const);
  const day = (label: string, key: 'from' | 'to') => (
    <input
      type="date"
      aria-label={label}
      value={span[key] ?? ''}
      onChange={({ target }) => onChange({ ...span, [key]: target.value || undefined })}
      className={classNames(INPUT, '!w-[150px]')}
    />
  );
  return (
    <div className="flex flex-wrap items-center gap-1.5 text-data text-muted">
      <Choice
        label="Time"
        value={value}
        options={[
          ...(other ? [['other', other.title] as const] : []),
          ...options,
          ['between', 'From … until before …'],
        ]}
        onChange={(chosen) => {
          if (chosen === 'other') other?.onChoose();
          else if (chosen === 'between') onChange({ last_days: undefined, ...recently() });
          else onChange({ last_days: Number(chosen), from: undefined, to: undefined });
        }}
      />
      {isBetween && (
        <>
          {day('From', 'from')}
          until before
          {day('Until before', 'to')}
        </>
      )}
    </div>
  );
}

/** When, of a question that has a time and nothing else that says so. */
export function When<Question extends Span>({ question, onChange }: FieldsProps<Question>) {
  return <SpanField span={question} onChange={(span) => onChange(span as Partial<Question>)} />;
}

/** The last thirty days as days: something to begin with. */
function recently(): { from: string; to: string } {
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  return { from: day(-30), to: day(1) };
}

export function WindowField({
  label,
  window,
  onChange,
}: {
  label: string;
  window: ConversionWindow;
  onChange: (window: ConversionWindow) => void;
}) {
  const [unit = 'days', number = 1] = (Object.entries(window)[0] ?? []) as [WindowUnit?, number?];
  const units: WindowUnit[] = unit === 'seconds' ? ['seconds', ...WINDOW_UNITS] : [...WINDOW_UNITS];
  return (
    <span className="inline-flex items-center gap-1.5 text-data text-muted">
      {label}
      <NumberField
        label={label}
        min={1}
        max={WINDOW_MAX[unit]}
        value={number}
        onChange={(number) => onChange({ [unit]: number })}
      />
      <Choice
        label={`${label}: unit`}
        value={unit}
        options={units.map((each) => [each, each] as const)}
        onChange={(next) => onChange({ [next]: Math.min(number, WINDOW_MAX[next]) })}
      />
    </span>
  );
}

const LEVELS = [
  ['user', 'Users'],
  ['company', 'Companies'],
] as const;

/** Whom the report counts. Who takes part and what tells users apart mean nothing for companies, and the other way round. */
export function LevelPart<Question extends { level?: Level; who?: Who; breakdown?: Breakdown }>({
  question,
  onChange,
}: FieldsProps<Question>) {
  const { breakdown } = question;
  const choose = (level: Level) => {
    const left = breakdown !== undefined && 'user' in breakdown ? { breakdown: undefined } : {};
    const change = { level: level === 'user' ? undefined : level, who: undefined, ...left };
    onChange(change as Partial<Question>);
  };
  return (
    <Part title="Counted">
      <Segmented label="Whom it counts" options={LEVELS} value={levelOf(question)} onChange={choose} />
    </Part>
  );
}

/** Everybody, a segment, or those whom a rule means. */
export function WhoPart({
  level = 'user',
  who,
  onChange,
}: {
  level?: Level;
  who: Who | undefined;
  onChange: (who: Who | undefined) => void;
}) {
  const environment = useEnvironment();
  const segments = (useQuery(segmentsQuery(environment.id)).data ?? []).filter(
    (segment) => segment.level === level,
  );
  const [wantsFilter, setWantsFilter] = useState(false);
  const isFilter = wantsFilter || (who !== undefined && 'filter' in who);
  const value = isFilter ? 'filter' : who !== undefined && 'segment' in who ? String(who.segment) : '';
  const isKnown = value === '' || value === 'filter' || segments.some(({ id }) => String(id) === value);
  const choose = (chosen: string) => {
    setWantsFilter(chosen === 'filter');
    onChange(chosen === '' || chosen === 'filter' ? undefined : { segment: Number(chosen) });
  };
  return (
    <Part title="Who">
      <div className="flex flex-wrap items-center gap-1.5">
        <select
          aria-label="Who"
          value={value}
          onChange={({ target }) => choose(target.value)}
          className={classNames(INPUT, '!w-auto max-w-full')}
        >
          <option value="">{level === 'user' ? 'Everybody' : 'All companies'}</option>
          <option value="filter">
            {level === 'user' ? 'People who match a filter' : 'Companies that match a filter'}
          </option>
          {!isKnown && <option value={value}>segment {value}</option>}
          {segments.length > 0 && (
            <optgroup label="In the segment">
              {segments.map(({ id, name }) => (
                <option key={id} value={String(id)}>
                  {name}
                </option>
              ))}
            </optgroup>
          )}
        </select>
        {isFilter && (
          <FilterBar
            level={level}
            filter={who !== undefined && 'filter' in who ? who.filter : undefined}
            onChange={(filter) => onChange(filter === undefined ? undefined : { filter })}
          />
        )}
      </div>
    </Part>
  );
}

/** By which property numbers are told apart. */
export function BreakdownPart({
  level,
  patterns,
  breakdown,
  onChange,
}: {
  level?: Level;
  patterns: Pattern[];
  breakdown: Breakdown | undefined;
  onChange: (breakdown: Breakdown | undefined) => void;
}) {
  const meant = useEventNames().filter(({ event_name, event_type }) =>
    patterns.some(({ event, type, active }) => active || event === event_name || type === event_type),
  );
  const ofEvent = [
    ...new Set(
      meant.flatMap(({ properties }) => properties.filter(({ masked }) => !masked).map(({ name }) => name)),
    ),
  ].toSorted();
  return (
    <Part title="Told apart">
      <div className="flex flex-wrap items-center gap-1.5">
        <BreakdownSelect
          level={level}
          ofEvent={ofEvent}
          value={breakdownValue(breakdown)}
          onChange={(value) => onChange(breakdownOf(value, breakdown))}
          className="!w-auto max-w-full"
        />
        {breakdown !== undefined && 'user' in breakdown && (
          <ValueAtSelect at={breakdown.at} onChange={(at) => onChange(breakdownAt(breakdown, at))} />
        )}
      </div>
    </Part>
  );
}
