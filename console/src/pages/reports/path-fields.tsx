/** What is asked of paths. */
import { levelOf, type PathQuestion } from '../../report/question.ts';
import { NumberField } from '../../ui/number-field.tsx';
import {
  Choice,
  type FieldsProps,
  LevelPart,
  Part,
  PatternPart,
  When,
  WhoPart,
  WindowField,
} from './fields.tsx';

const DIRECTIONS: [PathQuestion['direction'], string][] = [
  ['from', 'what came after'],
  ['to', 'what came before'],
];

export function PathFields({ question, onChange }: FieldsProps<PathQuestion>) {
  const { anchor, direction, window, levels, branches, who } = question;
  const level = levelOf(question);
  return (
    <>
      <LevelPart question={question} onChange={onChange} />
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
      <WhoPart key={level} level={level} who={who} onChange={(who) => onChange({ who })} />
    </>
  );
}
