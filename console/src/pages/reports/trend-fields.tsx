/** What a trend is asked. */
import {
  type Interval,
  isTrailing,
  letter,
  levelOf,
  MEASURES,
  needsProperty,
  type TrendQuestion,
  type TrendSeries,
} from '../../report/question.ts';
import { measureWords } from '../../report/words.ts';
import type { Level } from '../../rule/rule.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { Checkbox, INPUT } from '../../ui/field.tsx';
import { CloseIcon } from '../../ui/icons.tsx';
import { NumberField } from '../../ui/number-field.tsx';
import { useEventNames } from '../segments/event-choice.tsx';
import {
  BreakdownPart,
  Choice,
  changed,
  type FieldsProps,
  LevelPart,
  Part,
  PatternField,
  When,
  WhoPart,
} from './fields.tsx';

const SERIES_MAX = 10;
const PERCENTILE = 90;
const INTERVALS: [Interval, string][] = [
  ['hour', 'by hour'],
  ['day', 'by day'],
  ['week', 'by week'],
  ['month', 'by month'],
];

export function TrendFields({ question, onChange }: FieldsProps<TrendQuestion>) {
  const { series, formulas = [], interval, previous, breakdown, who } = question;
  const level = levelOf(question);
  const change = (index: number, next: Partial<TrendSeries> | null) =>
    onChange({ series: changed(series, index, next) });
  const changeFormula = (index: number, next: Partial<(typeof formulas)[number]> | null) => {
    const left = changed(formulas, index, next);
    onChange({ formulas: left.length > 0 ? left : undefined });
  };
  return (
    <>
      <LevelPart question={question} onChange={onChange} />
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
                <MeasureFields level={level} series={one} onChange={(next) => change(index, next)} />
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
      <WhoPart key={level} level={level} who={who} onChange={(who) => onChange({ who })} />
      <BreakdownPart
        level={level}
        patterns={series}
        breakdown={breakdown}
        onChange={(breakdown) => onChange({ breakdown })}
      />
    </>
  );
}

function MeasureFields({
  level,
  series,
  onChange,
}: {
  level: Level;
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
        options={MEASURES.map((each) => [each, measureWords(each, level)] as const)}
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
