/** What a funnel is asked. */
import { type FunnelQuestion, levelOf, type Pattern, STEPS_MIN } from '../../report/question.ts';
import { COUNTED_WORDS } from '../../report/words.ts';
import { Button } from '../../ui/button.tsx';
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
  WindowField,
} from './fields.tsx';

const STEPS_MAX = 48;
const ORDERS: [FunnelQuestion['order'], string][] = [
  ['ordered', 'in this order'],
  ['strict', 'in this order, nothing between'],
  ['any', 'in any order'],
];

export function FunnelFields({ question, onChange }: FieldsProps<FunnelQuestion>) {
  const { steps, order, window, counting, exclusions = [], breakdown, who } = question;
  const level = levelOf(question);
  const countings: [FunnelQuestion['counting'], string][] = [
    ['users', `each ${COUNTED_WORDS[level].one} once`],
    ['attempts', 'every attempt'],
  ];
  const change = (index: number, next: Partial<Pattern> | null) =>
    onChange({ steps: changed(steps, index, next), ...(next === null ? { exclusions: undefined } : {}) });
  const changeExclusion = (index: number, next: Partial<(typeof exclusions)[number]> | null) => {
    const left = changed(exclusions, index, next);
    onChange({ exclusions: left.length > 0 ? left : undefined });
  };
  const stepOptions = steps.map((_, index) => [String(index), `step ${index + 1}`] as const);
  return (
    <>
      <LevelPart question={question} onChange={onChange} />
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
            options={countings}
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
      <WhoPart key={level} level={level} who={who} onChange={(who) => onChange({ who })} />
      <BreakdownPart
        level={level}
        patterns={steps}
        breakdown={breakdown}
        onChange={(breakdown) => onChange({ breakdown })}
      />
    </>
  );
}
