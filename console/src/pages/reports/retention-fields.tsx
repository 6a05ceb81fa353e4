/** What retention is asked. */
import { FIRST, type Interval, levelOf, type RetentionQuestion } from '../../report/question.ts';
import { NumberField } from '../../ui/number-field.tsx';
import { Choice, type FieldsProps, LevelPart, Part, PatternPart, SpanField, WhoPart } from './fields.tsx';

const INTERVALS_MAX = 366;
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

export function RetentionFields({ question, onChange }: FieldsProps<RetentionQuestion>) {
  const { start, returning, intervals, each, belong, returned, who } = question;
  const level = levelOf(question);
  return (
    <>
      <LevelPart question={question} onChange={onChange} />
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
            span={question}
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
      <WhoPart key={level} level={level} who={who} onChange={(who) => onChange({ who })} />
    </>
  );
}
