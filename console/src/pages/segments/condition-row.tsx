/** One condition of a rule, written as a sentence of fields. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type EventName, propertiesQuery } from '../../api/history.ts';
import { segmentsQuery } from '../../api/segments.ts';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { type About, newFilter, newRow, newTest, type RowDraft } from '../../rule/draft.ts';
import { AUTO, type Level, OPERATORS, type ValueType } from '../../rule/rule.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { INPUT } from '../../ui/field.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { ClauseCount } from './clause-count.tsx';
import { EventChoice, useEventNames } from './event-choice.tsx';
import { DaysField, type Known, PropertyName, TestFields, valueType, Words } from './test-fields.tsx';

interface Props {
  row: RowDraft;
  level: Level;
  number: number;
  onChange: (row: RowDraft) => void;
  onRemove: () => void;
}

const SUBJECTS: Record<Level, [string, string][]> = {
  user: [
    ['property:user', 'their property'],
    ['event:user', 'their events'],
    ['page:user', 'viewed pages'],
    ['auto:user', 'id or time seen'],
    ['property:company', 'their company’s property'],
    ['auto:company', 'their company’s id or time seen'],
    ['company:user', 'their company'],
    ['segment:user', 'a segment'],
  ],
  company: [
    ['property:company', 'its property'],
    ['event:user', 'events of its users'],
    ['page:user', 'pages viewed by its users'],
    ['auto:company', 'id or time seen'],
    ['company:user', 'the company itself'],
    ['segment:user', 'a segment'],
  ],
};

/** The types by which a value may be compared, the likeliest first. */
function typesFrom(first: ValueType): ValueType[] {
  return [first, ...(Object.keys(OPERATORS) as ValueType[]).filter((type) => type !== first)];
}

/** Properties that the viewer may ask about. */
function useKnown(owner: Level): Known[] {
  const environment = useEnvironment();
  const seesAll = useMay('analyst');
  const properties = useQuery(propertiesQuery(environment.id, owner)).data?.data;
  return useMemo(
    () =>
      (properties ?? [])
        .filter(({ pii }) => seesAll || !pii)
        .map(({ name, type, declared_type, types }) => ({
          name,
          type: valueType(declared_type ?? type),
          examples: types.flatMap(({ examples }) => examples.map(asText)).slice(0, 20),
        })),
    [properties, seesAll],
  );
}
const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

export function ConditionRow({ row, level, number, onChange, onRemove }: Props) {
  const subject = `${row.about}:${row.about === 'property' || row.about === 'auto' ? row.of : 'user'}`;
  const choose = (value: string) => {
    const [about, of] = value.split(':') as [About, Level];
    onChange({ ...newRow(about, of), key: row.key, isNot: row.isNot });
  };
  return (
    <div
      role="group"
      aria-label={`Condition ${number}`}
      className="flex flex-wrap items-center gap-1.5 border-t border-line py-2 first:border-t-0"
    >
      <button
        type="button"
        aria-pressed={row.isNot}
        title={row.isNot ? 'Who does not match it' : 'Turn it round'}
        onClick={() => onChange({ ...row, isNot: !row.isNot })}
        className={classNames(
          'h-8 rounded-md border px-2 text-data',
          row.isNot
            ? 'border-accent bg-accent-wash font-medium text-accent'
            : 'border-transparent text-muted hover:bg-hover',
        )}
      >
        not
      </button>
      <select
        aria-label="What is asked for"
        value={subject}
        onChange={({ target }) => choose(target.value)}
        className={classNames(INPUT, '!w-auto')}
      >
        {SUBJECTS[level].map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
        {!SUBJECTS[level].some(([value]) => value === subject) && <option value={subject}>{subject}</option>}
      </select>
      <Fields row={row} level={level} onChange={onChange} />
      <span className="ml-auto inline-flex items-center gap-1">
        <ClauseCount level={level} row={row} />
        <IconButton label={`Take condition ${number} away`} onClick={onRemove}>
          <CloseIcon />
        </IconButton>
      </span>
    </div>
  );
}

function Fields({ row, level, onChange }: Pick<Props, 'row' | 'level' | 'onChange'>) {
  switch (row.about) {
    case 'property':
      return <PropertyFields row={row} onChange={onChange} />;
    case 'auto':
      return <AutoFields row={row} onChange={onChange} />;
    case 'company':
      return (
        <TestFields
          test={row.test}
          onChange={(test) => onChange({ ...row, test })}
          types={['string']}
          only={['is', 'is_one_of']}
        />
      );
    case 'segment':
      return <SegmentField row={row} level={level} onChange={onChange} />;
    case 'page':
      return (
        <>
          <select
            aria-label="Part of the page’s address"
            value={row.part}
            onChange={({ target }) => onChange({ ...row, part: target.value })}
            className={classNames(INPUT, '!w-auto')}
          >
            <option value="path">path</option>
            <option value="url">whole address</option>
          </select>
          <TestFields
            test={row.test}
            onChange={(test) => onChange({ ...row, test })}
            types={['string']}
            hasPresence={false}
          />
          <DeedFields row={row} onChange={onChange} />
        </>
      );
    case 'event':
      return <EventFields row={row} onChange={onChange} />;
  }
}

type FieldProps = Pick<Props, 'row' | 'onChange'>;

function PropertyFields({ row, onChange }: FieldProps) {
  const known = useKnown(row.of);
  const found = known.find(({ name }) => name === row.name);
  return (
    <>
      <PropertyName
        label="Property"
        name={row.name}
        known={known}
        test={row.test}
        onChange={(name, test) => onChange({ ...row, name, test })}
      />
      <TestFields
        test={row.test}
        onChange={(test) => onChange({ ...row, test })}
        types={typesFrom(found?.type ?? 'string')}
        examples={found?.examples}
      />
    </>
  );
}

function AutoFields({ row, onChange }: FieldProps) {
  const chosen = AUTO.find(({ name }) => name === row.name);
  return (
    <>
      <select
        aria-label="Which"
        value={row.name}
        onChange={({ target }) =>
          onChange({
            ...row,
            name: target.value,
            test: newTest(AUTO.find(({ name }) => name === target.value)?.type),
          })
        }
        className={classNames(INPUT, '!w-auto')}
      >
        {AUTO.map(({ name, words }) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
      <TestFields
        test={row.test}
        onChange={(test) => onChange({ ...row, test })}
        types={[chosen?.type ?? 'string']}
      />
    </>
  );
}

function SegmentField({ row, level, onChange }: Pick<Props, 'row' | 'level' | 'onChange'>) {
  const environment = useEnvironment();
  const segments = useQuery(segmentsQuery(environment.id)).data ?? [];
  const offered = segments.filter((segment) => segment.level === level);
  const isKnown = row.segment === '' || offered.some(({ id }) => String(id) === row.segment);
  return (
    <Words after="">
      member of
      <select
        aria-label="Segment"
        value={row.segment}
        onChange={({ target }) => onChange({ ...row, segment: target.value })}
        className={classNames(INPUT, '!w-auto max-w-[260px]')}
      >
        {row.segment === '' && <option value="">Choose a segment</option>}
        {!isKnown && <option value={row.segment}>segment {row.segment}</option>}
        {offered.map(({ id, name }) => (
          <option key={id} value={String(id)}>
            {name}
          </option>
        ))}
      </select>
    </Words>
  );
}

const TIMES = { at_least: 'at least', at_most: 'at most', exactly: 'exactly' } as const;
const WINDOWS = { ever: 'ever', last_days: 'in the last', between: 'between' } as const;

/** How often, and when. */
function DeedFields({ row, onChange }: FieldProps) {
  const { times, window } = row;
  const setWindow = (change: Partial<RowDraft['window']>) =>
    onChange({ ...row, window: { ...window, ...change } });
  const day = (label: string, key: 'from' | 'to') => (
    <input
      type="date"
      aria-label={label}
      value={window[key]}
      onChange={({ target }) => setWindow({ [key]: target.value })}
      className={classNames(INPUT, '!w-[150px]')}
    />
  );
  return (
    <>
      <select
        aria-label="How often"
        value={times.word}
        onChange={({ target }) =>
          onChange({ ...row, times: { ...times, word: target.value as typeof times.word } })
        }
        className={classNames(INPUT, '!w-auto')}
      >
        {Object.entries(TIMES).map(([word, title]) => (
          <option key={word} value={word}>
            {title}
          </option>
        ))}
      </select>
      <Words after="times">
        <input
          type="number"
          min={0}
          aria-label="Times"
          value={times.number}
          onChange={({ target }) => onChange({ ...row, times: { ...times, number: target.value } })}
          className={classNames(INPUT, '!w-[68px]')}
        />
      </Words>
      <select
        aria-label="When"
        value={window.word}
        onChange={({ target }) => setWindow({ word: target.value as typeof window.word })}
        className={classNames(INPUT, '!w-auto')}
      >
        {Object.entries(WINDOWS).map(([word, title]) => (
          <option key={word} value={word}>
            {title}
          </option>
        ))}
      </select>
      {window.word === 'last_days' && (
        <Words after="days">
          <DaysField value={window.days} onChange={(days) => setWindow({ days })} />
        </Words>
      )}
      {window.word === 'between' && (
        <>
          {day('First day', 'from')}
          <span className="text-data text-muted">and</span>
          {day('Last day', 'to')}
        </>
      )}
    </>
  );
}

const READINGS: Record<string, ValueType> = {
  integer: 'numeric',
  decimal: 'numeric',
  numeric_text: 'numeric',
  date_text: 'date',
};
/** What all values of a property of an event read as, nothing aside. */
function readAs(readings: string[]): ValueType {
  const types = new Set(readings.filter((each) => each !== 'null').map((each) => READINGS[each] ?? 'string'));
  const [only = 'string'] = types;
  return types.size === 1 ? only : 'string';
}

function knownOf(event: EventName | undefined): Known[] {
  return (event?.properties ?? [])
    .filter(({ masked }) => !masked)
    .map(({ name, types }) => ({
      name,
      type: readAs(types.map(({ type }) => type)),
      examples: types.flatMap(({ examples }) => examples.map(asText)).slice(0, 20),
    }));
}

function EventFields({ row, onChange }: FieldProps) {
  const names = useEventNames();
  const found = names.find(
    ({ event_type, event_name }) => event_type === row.kind && event_name === row.event,
  );
  const known = useMemo(() => knownOf(found), [found]);
  const change = (key: number, change: Partial<RowDraft['where'][number]> | null) =>
    onChange({
      ...row,
      where: row.where.flatMap((filter) =>
        filter.key !== key ? [filter] : change === null ? [] : [{ ...filter, ...change }],
      ),
    });
  return (
    <>
      <span className="text-data text-muted">did</span>
      <EventChoice
        label="Event"
        chosen={{ kind: row.kind, name: row.event }}
        onChange={({ kind, name }) => onChange({ ...row, kind, event: name })}
        className="!w-[190px]"
      />
      <DeedFields row={row} onChange={onChange} />
      <Button small look="quiet" onClick={() => onChange({ ...row, where: [...row.where, newFilter()] })}>
        + where
      </Button>
      {row.where.map((filter) => (
        <div
          key={filter.key}
          role="group"
          aria-label="Filter of the event"
          className="flex w-full flex-wrap items-center gap-1.5 pl-8 text-data text-muted"
        >
          where
          <PropertyName
            label="Property of the event"
            name={filter.name}
            known={known}
            test={filter.test}
            onChange={(name, test) => change(filter.key, { name, test })}
          />
          <TestFields
            test={filter.test}
            onChange={(test) => change(filter.key, { test })}
            types={typesFrom(known.find(({ name }) => name === filter.name)?.type ?? 'string')}
            examples={known.find(({ name }) => name === filter.name)?.examples}
          />
          <IconButton label="Take this filter away" onClick={() => change(filter.key, null)}>
            <CloseIcon />
          </IconButton>
        </div>
      ))}
    </>
  );
}
