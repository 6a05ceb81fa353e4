/** What each kind of report is asked, as fields. */
import {
  FIRST,
  type FunnelQuestion,
  type Interval,
  isTrailing,
  letter,
  type Measure,
  needsProperty,
  type PathQuestion,
  type Pattern,
  type RetentionQuestion,
  type Span,
  STEPS_MIN,
  type TrendQuestion,
  type TrendSeries,
} from '../../report/question.ts';
import { MEASURE_WORDS } from '../../report/words.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { Checkbox, INPUT } from '../../ui/field.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { NumberField } from '../../ui/number-field.tsx';
import { useEventNames } from '../segments/event-choice.tsx';
import {
  BreakdownPart,
  Choice,
  Part,
  PatternField,
  PatternPart,
  SpanField,
  WhoPart,
  WindowField,
} from './fields.tsx';

interface Props<Question> {
  question: Question;
  onChange: (change: Partial<Question>) => void;
}

const SERIES_MAX = 10;
const PERCENTILE = 90;
const STEPS_MAX = 48;
const INTERVALS_MAX = 366;
const MEASURES = Object.entries(MEASURE_WORDS) as [Measure, string][];
const INTERVALS: [Interval, string][] = [
  ['hour', 'by hour'],
  ['day', 'by day'],
  ['week', 'by week'],
  ['month', 'by month'],
];

function changed<Item>(list: Item[], index: number, change: Partial<Item> | null): Item[] {
  return list.flatMap((item, at) =>
    at !== index ? [item] : change === null ? [] : [{ ...item, ...change }],
  );
}

function When<Question extends Span>({ question, onChange }: Props<Question>) {
  return <SpanField span={spanOf(question)} onChange={(span) => onChange(span as Partial<Question>)} />;
}

const spanOf = ({ last_days, from, to }: Span): Span => ({ last_days, from, to });

export function TrendFields({ question, onChange }: Props<TrendQuestion>) {
  const { series, formulas = [], interval, previous, breakdown, who } = question;
  const change = (index: number, next: Partial<TrendSeries> | null) =>
    onChange({ series: changed(series, index, next) });
  const changeFormula = (index: number, next: Partial<(typeof formulas)[number]> | null) => {
    const left = changed(formulas, index, next);
    onChange({ formulas: left.length > 0 ? left : undefined });
  };
  return (
    <>
      <Part
        title="What is counted"
        actions={
          series.length < SERIES_MAX && (
            <Button
              small
              look="quiet"
              onClick={() => onChange({ series: [...series, { measure: 'total' }] })}
            >
              + Series
            </Button>
          )
        }
      >
        <ol className="space-y-2">
          {series.map((one, index) => (
            <li key={index} className="flex items-start gap-2">
              {series.length > 1 && (
                <span className="mt-1.5 w-3 font-medium text-muted">{letter(index)}</span>
              )}
              <div className="min-w-0 flex-1">
                <PatternField
                  label={`Series ${letter(index)}`}
                  pattern={one}
                  onChange={(next) => change(index, next)}
                  onRemove={series.length > 1 ? () => change(index, null) : undefined}
                />
                <MeasureFields series={one} onChange={(next) => change(index, next)} />
              </div>
            </li>
          ))}
        </ol>
        {formulas.map(({ formula }, index) => (
          <div key={index} className="mt-2 flex items-center gap-1.5">
            <input
              type="text"
              aria-label={`Formula ${index + 1}`}
              placeholder="A / B * 100"
              value={formula}
              onChange={({ target }) =>
                changeFormula(index, { formula: target.value, name: target.value.trim() || 'formula' })
              }
              className={classNames(INPUT, 'mono')}
              autoComplete="off"
              spellCheck={false}
            />
            <IconButton label={`Take formula ${index + 1} away`} onClick={() => changeFormula(index, null)}>
              <CloseIcon />
            </IconButton>
          </div>
        ))}
        <Button
          small
          look="quiet"
          className="mt-1.5"
          onClick={() => onChange({ formulas: [...formulas, { name: 'formula', formula: '' }] })}
        >
          + Formula
        </Button>
      </Part>
      <Part title="When">
        <div className="flex flex-wrap items-center gap-1.5">
          <When question={question} onChange={onChange} />
          <Choice
            label="Interval"
            value={interval}
            options={INTERVALS}
            onChange={(interval) => onChange({ interval })}
          />
        </div>
        <Checkbox
          label="Beside the time before"
          checked={previous ?? false}
          onChange={({ target }) => onChange({ previous: target.checked || undefined })}
        />
      </Part>
      <WhoPart who={who} onChange={(who) => onChange({ who })} />
      <BreakdownPart
        patterns={series}
        breakdown={breakdown}
        onChange={(breakdown) => onChange({ breakdown })}
      />
    </>
  );
}

function MeasureFields({
  series,
  onChange,
}: {
  series: TrendSeries;
  onChange: (change: Partial<TrendSeries>) => void;
}) {
  const names = useEventNames();
  const { measure, property, percentile, event } = series;
  const offered = [
    ...new Set(
      names
        .filter(({ event_name }) => event === undefined || event_name === event)
        .flatMap(({ properties }) => properties.filter(({ masked }) => !masked).map(({ name }) => name)),
    ),
  ].toSorted();
  const needs = needsProperty(measure);
  return (
    <div className="mt-1.5 flex flex-wrap items-center gap-1.5">
      <Choice
        label="Measure"
        value={measure}
        options={MEASURES}
        onChange={(measure) =>
          onChange({
            measure,
            property: needsProperty(measure) ? property : undefined,
            percentile: measure === 'percentile' ? (percentile ?? PERCENTILE) : undefined,
          })
        }
      />
      {measure === 'percentile' && (
        <NumberField
          label="Percentile"
          min={1}
          max={100}
          value={percentile ?? PERCENTILE}
          onChange={(percentile) => onChange({ percentile })}
        />
      )}
      {needs && (
        <select
          aria-label="Property"
          value={property ?? ''}
          onChange={({ target }) => onChange({ property: target.value || undefined })}
          className={classNames(INPUT, '!w-auto max-w-[180px]')}
        >
          <option value="">Choose a property</option>
          {property !== undefined && !offered.includes(property) && (
            <option value={property}>{property}</option>
          )}
          {offered.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
      {isTrailing(measure) && (
        <span className="text-data text-muted">
          in the {measure === 'dau' ? 'day' : measure === 'wau' ? '7 days' : '30 days'} up to then
        </span>
      )}
    </div>
  );
}

const ORDERS: [FunnelQuestion['order'], string][] = [
  ['ordered', 'in this order'],
  ['strict', 'in this order, nothing between'],
  ['any', 'in any order'],
];
const COUNTINGS: [FunnelQuestion['counting'], string][] = [
  ['users', 'each user once'],
  ['attempts', 'every attempt'],
];

export function FunnelFields({ question, onChange }: Props<FunnelQuestion>) {
  const { steps, order, window, counting, exclusions = [], breakdown, who } = question;
  const change = (index: number, next: Partial<Pattern> | null) =>
    onChange({ steps: changed(steps, index, next), ...(next === null ? { exclusions: undefined } : {}) });
  const changeExclusion = (index: number, next: Partial<(typeof exclusions)[number]> | null) => {
    const left = changed(exclusions, index, next);
    onChange({ exclusions: left.length > 0 ? left : undefined });
  };
  const stepOptions = steps.map((_, index) => [String(index), `step ${index + 1}`] as const);
  return (
    <>
      <Part
        title="Steps"
        actions={
          steps.length < STEPS_MAX && (
            <Button small look="quiet" onClick={() => onChange({ steps: [...steps, {}] })}>
              + Step
            </Button>
          )
        }
      >
        <ol className="space-y-2">
          {steps.map((step, index) => (
            <li key={index} className="flex items-start gap-2">
              <span className="figures mt-1.5 w-4 text-right font-medium text-muted">{index + 1}</span>
              <div className="min-w-0 flex-1">
                <PatternField
                  label={`Step ${index + 1}`}
                  pattern={step}
                  onChange={(next) => change(index, next)}
                  onRemove={steps.length > STEPS_MIN ? () => change(index, null) : undefined}
                />
              </div>
            </li>
          ))}
        </ol>
        <div className="mt-2 flex flex-wrap items-center gap-1.5">
          <Choice label="Order" value={order} options={ORDERS} onChange={(order) => onChange({ order })} />
          <Choice
            label="What is counted"
            value={counting}
            options={COUNTINGS}
            onChange={(counting) => onChange({ counting })}
          />
        </div>
      </Part>
      <Part
        title="Not if in between"
        actions={
          steps.length > 1 && (
            <Button
              small
              look="quiet"
              onClick={() =>
                onChange({ exclusions: [...exclusions, { after: 0, before: steps.length - 1 }] })
              }
            >
              + Exclusion
            </Button>
          )
        }
      >
        {exclusions.length === 0 && <p className="text-data text-muted">Nothing ends an attempt.</p>}
        <ul className="space-y-2">
          {exclusions.map((exclusion, index) => (
            <li key={index}>
              <PatternField
                label={`Exclusion ${index + 1}`}
                pattern={exclusion}
                onChange={(next) => changeExclusion(index, next)}
                onRemove={() => changeExclusion(index, null)}
              />
              <div className="mt-1.5 flex flex-wrap items-center gap-1.5 pl-3 text-data text-muted">
                after
                <Choice
                  label="After step"
                  value={String(exclusion.after)}
                  options={stepOptions.slice(0, -1)}
                  onChange={(after) =>
                    changeExclusion(index, {
                      after: Number(after),
                      before: Math.max(exclusion.before, Number(after) + 1),
                    })
                  }
                />
                before
                <Choice
                  label="Before step"
                  value={String(exclusion.before)}
                  options={stepOptions.slice(exclusion.after + 1)}
                  onChange={(before) => changeExclusion(index, { before: Number(before) })}
                />
              </div>
            </li>
          ))}
        </ul>
      </Part>
      <Part title="When">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
          <When question={question} onChange={onChange} />
          <WindowField label="all within" window={window} onChange={(window) => onChange({ window })} />
        </div>
      </Part>
      <WhoPart who={who} onChange={(who) => onChange({ who })} />
      <BreakdownPart
        patterns={steps}
        breakdown={breakdown}
        onChange={(breakdown) => onChange({ breakdown })}
      />
    </>
  );
}

const BELONGS: [RetentionQuestion['belong'], string][] = [
  ['first_time', 'for the first time ever'],
  ['recurring', 'every time'],
];
const RETURNS: [RetentionQuestion['returned'], string][] = [
  ['on', 'in just that period'],
  ['on_or_after', 'in that period or a later one shown'],
  ['unbounded', 'in that period or ever after'],
];
const EACH: [Interval, string][] = [
  ['hour', 'hours'],
  ['day', 'days'],
  ['week', 'weeks'],
  ['month', 'months'],
];

export function RetentionFields({ question, onChange }: Props<RetentionQuestion>) {
  const { start, returning, intervals, each, belong, returned, who } = question;
  const span = spanOf(question);
  return (
    <>
      <PatternPart
        title="They began with"
        label="Start"
        pattern={start}
        onChange={(next) => onChange({ start: { ...start, ...next } })}
      >
        <Choice
          label="Which start counts"
          value={belong}
          options={BELONGS}
          onChange={(belong) => onChange({ belong })}
        />
      </PatternPart>
      <PatternPart
        title="They came back with"
        label="Return"
        pattern={returning}
        onChange={(next) => onChange({ returning: { ...returning, ...next } })}
      >
        <Choice
          label="Which return counts"
          value={returned}
          options={RETURNS}
          onChange={(returned) => onChange({ returned })}
        />
      </PatternPart>
      <Part title="When">
        <div className="flex flex-wrap items-center gap-1.5 text-data text-muted">
          <SpanField
            span={span}
            onChange={(span) => onChange({ ...span, intervals: undefined })}
            other={{
              title: 'The last …',
              isChosen: intervals !== undefined,
              onChoose: () =>
                onChange({
                  intervals: FIRST.retention.intervals,
                  last_days: undefined,
                  from: undefined,
                  to: undefined,
                }),
            }}
          />
          {intervals === undefined ? (
            'in'
          ) : (
            <NumberField
              label="Intervals"
              min={1}
              max={INTERVALS_MAX}
              value={intervals}
              onChange={(intervals) => onChange({ intervals })}
            />
          )}
          <Choice label="Each" value={each} options={EACH} onChange={(each) => onChange({ each })} />
        </div>
      </Part>
      <WhoPart who={who} onChange={(who) => onChange({ who })} />
    </>
  );
}

const DIRECTIONS: [PathQuestion['direction'], string][] = [
  ['from', 'what came after'],
  ['to', 'what came before'],
];

export function PathFields({ question, onChange }: Props<PathQuestion>) {
  const { anchor, direction, window, levels, branches, who } = question;
  return (
    <>
      <PatternPart
        title="Around this event"
        label="Event"
        pattern={anchor}
        onChange={(next) => onChange({ anchor: { ...anchor, ...next } })}
      >
        <Choice
          label="Direction"
          value={direction}
          options={DIRECTIONS}
          onChange={(direction) => onChange({ direction })}
        />
      </PatternPart>
      <Part title="How far">
        <div className="flex flex-wrap items-center gap-1.5 text-data text-muted">
          <NumberField
            label="Levels"
            min={2}
            max={10}
            value={levels}
            onChange={(levels) => onChange({ levels })}
          />
          steps, the
          <NumberField
            label="Branches"
            min={1}
            max={50}
            value={branches}
            onChange={(branches) => onChange({ branches })}
          />
          most frequent of each
        </div>
        <div className="mt-1.5">
          <WindowField label="all within" window={window} onChange={(window) => onChange({ window })} />
        </div>
      </Part>
      <Part title="When">
        <When question={question} onChange={onChange} />
      </Part>
      <WhoPart who={who} onChange={(who) => onChange({ who })} />
    </>
  );
}
