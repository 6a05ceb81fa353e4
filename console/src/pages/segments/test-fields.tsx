/** A property, how it is compared, and with what: the fields of one test. */
import { type ReactNode, useId } from 'react';
import type { TestDraft } from '../../rule/draft.ts';
import { newTest } from '../../rule/draft.ts';
import { OPERATORS, type Operator, operatorOf, PRESENCE, type ValueType } from '../../rule/rule.ts';
import { Chips } from '../../ui/chips.tsx';
import { classNames } from '../../ui/class-names.ts';
import { INPUT } from '../../ui/field.tsx';

/** What is known of a property that a test may ask for. */
export interface Known {
  name: string;
  type: ValueType;
  examples: string[];
}

/** How values of a type that was declared or observed are compared: what is neither number nor date, as text. */
export function valueType(type: string): ValueType {
  return type === 'numeric' || type === 'date' ? type : 'string';
}

const TYPE_TITLES: Record<ValueType, string> = {
  string: 'As text',
  numeric: 'As a number',
  date: 'As a date',
};

export function PropertyName({
  label,
  name,
  known,
  test,
  onChange,
}: {
  label: string;
  name: string;
  known: Known[];
  test: TestDraft;
  onChange: (name: string, test: TestDraft) => void;
}) {
  const listId = useId();
  const take = (typed: string) => {
    const found = known.find((each) => each.name === typed);
    // What was said about the value stays, unless the property is of another type.
    onChange(typed, found !== undefined && found.type !== test.type ? newTest(found.type) : test);
  };
  return (
    <>
      <input
        type="text"
        aria-label={label}
        placeholder="property"
        list={listId}
        value={name}
        onChange={({ target }) => take(target.value)}
        className={classNames(INPUT, '!w-[150px]')}
        autoComplete="off"
        spellCheck={false}
      />
      <datalist id={listId}>
        {known.map((each) => (
          <option key={each.name} value={each.name} />
        ))}
      </datalist>
    </>
  );
}

export function TestFields({
  test,
  onChange,
  types,
  examples = [],
  hasPresence = true,
  only,
}: {
  test: TestDraft;
  onChange: (test: TestDraft) => void;
  /** How values may be read, the likeliest first. */
  types: ValueType[];
  examples?: string[];
  hasPresence?: boolean;
  /** Only these operators. */
  only?: string[];
}) {
  const chosen = operatorOf(test);
  const listId = useId();
  const isPresence = chosen.takes === 'nothing';
  const choose = (value: string) => {
    const [type, operator] = value.split(':') as [ValueType | '', string];
    if (type === '') return onChange({ ...test, operator });
    const kept = type === test.type && operatorOf({ type, operator }).takes === chosen.takes;
    onChange({ ...(kept ? test : { ...newTest(type), ignoreCase: test.ignoreCase }), type, operator });
  };
  const options = (type: ValueType) => {
    const shown = OPERATORS[type].filter(({ name }) => only?.includes(name) ?? true);
    return shown.map(({ name, words }) => (
      <option key={name} value={`${type}:${name}`}>
        {words}
      </option>
    ));
  };
  return (
    <>
      <select
        aria-label="Comparison"
        value={isPresence ? `:${test.operator}` : `${test.type}:${test.operator}`}
        onChange={({ target }) => choose(target.value)}
        className={classNames(INPUT, '!w-auto')}
      >
        {types.length === 1
          ? types.map(options)
          : types.map((type) => (
              <optgroup key={type} label={TYPE_TITLES[type]}>
                {options(type)}
              </optgroup>
            ))}
        {hasPresence && (
          <optgroup label="Whether there is a value">
            {PRESENCE.map(({ name, words }) => (
              <option key={name} value={`:${name}`}>
                {words}
              </option>
            ))}
          </optgroup>
        )}
      </select>
      <Values test={test} operator={chosen} onChange={onChange} listId={listId} />
      <datalist id={listId}>
        {examples.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}

function Values({
  test,
  operator,
  onChange,
  listId,
}: {
  test: TestDraft;
  operator: Operator;
  onChange: (test: TestDraft) => void;
  listId: string;
}) {
  const { takes } = operator;
  if (takes === 'nothing') return null;
  const field = (label: string, key: 'value' | 'second', type = inputType(test.type)) => (
    <input
      type={type}
      aria-label={label}
      placeholder={type === 'text' ? 'value' : undefined}
      step="any"
      list={test.type === 'date' ? undefined : listId}
      value={test[key]}
      onChange={({ target }) => onChange({ ...test, [key]: target.value })}
      className={classNames(INPUT, test.type === 'numeric' ? '!w-[104px]' : '!w-[150px]')}
      autoComplete="off"
      spellCheck={false}
    />
  );
  if (takes === 'days') {
    return (
      <Words after={operator.name === 'more_than_days_ago' ? 'days ago' : 'days'}>
        <DaysField value={test.value} onChange={(value) => onChange({ ...test, value })} />
      </Words>
    );
  }
  if (takes === 'two') {
    return (
      <>
        {field('From', 'value')}
        <span className="text-data text-muted">and</span>
        {field('To', 'second')}
      </>
    );
  }
  return (
    <>
      {takes === 'list' ? (
        <Chips
          label="Values"
          values={test.list}
          onChange={(list) => onChange({ ...test, list })}
          listId={listId}
        />
      ) : (
        field('Value', 'value')
      )}
      {test.type === 'string' && (
        <label className="inline-flex h-8 items-center gap-1.5 text-data text-muted">
          <input
            type="checkbox"
            checked={test.ignoreCase}
            onChange={({ target }) => onChange({ ...test, ignoreCase: target.checked })}
            className="size-3.5 accent-accent"
          />
          any case
        </label>
      )}
    </>
  );
}

function inputType(type: ValueType): string {
  return type === 'date' ? 'date' : type === 'numeric' ? 'number' : 'text';
}

export function Words({ after, children }: { after: string; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1.5 text-data text-muted">
      {children}
      {after}
    </span>
  );
}

export function DaysField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <input
      type="number"
      min={0}
      aria-label="Days"
      value={value}
      onChange={({ target }) => onChange(target.value)}
      className={classNames(INPUT, '!w-[76px]')}
    />
  );
}
