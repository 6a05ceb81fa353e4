import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { previewQuery } from '../../api/segments.ts';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { draftOf } from '../../rule/draft.ts';
import type { Level } from '../../rule/rule.ts';
import { countOf } from '../../text/number.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { usePreview } from './preview-panel.tsx';
import { formOf, isOfRule, newRuleState, RuleEditor, type RuleState } from './rule-editor.tsx';

interface Props {
  level: Level;
  filter: string | undefined;
  onApply: (filter: string) => void;
  onClose: () => void;
}

/** The server reads the text that the address carries; what it cannot read is mended as text. */
export default function FilterEditor(props: Props) {
  const { level, filter } = props;
  const environment = useEnvironment();
  const read = useQuery({
    ...previewQuery(environment.id, level, filter === undefined ? null : { text: filter }),
    refetchInterval: false,
  });
  if (filter === undefined) return <Editor {...props} start={newRuleState(level)} />;
  if (read.isError) return <Editor {...props} start={newRuleState(level, { text: filter })} />;
  if (read.data === undefined || read.isPlaceholderData) return <Skeleton lines={2} />;
  const start: RuleState = { mode: 'builder', root: draftOf(read.data.rule), text: filter };
  return <Editor {...props} start={start} />;
}

function Editor({ level, onApply, onClose, start }: Props & { start: RuleState }) {
  const [state, setState] = useState(start);
  const mayMake = useMay('analyst');
  const { form, unfinished } = formOf(state);
  const asked = usePreview(level, form);
  // The address carries the server's own words for the rule, never those of an older one.
  const isAnswered = asked.data !== undefined && !asked.isPlaceholderData && !asked.isError;
  const ready = form !== null && unfinished === 0 && isAnswered ? asked.data : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) onApply(ready.text);
  };
  return (
    <form onSubmit={submit}>
      <RuleEditor level={level} state={state} onChange={setState} problem={asked.error} />
      {asked.error && !isOfRule(asked.error) && (
        <div className="mt-3">
          <Failure cause={asked.error} title="It could not be counted" retry={() => void asked.refetch()} />
        </div>
      )}
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <Button type="submit" look="primary" disabled={ready === undefined}>
          Show them
        </Button>
        <Button look="quiet" onClick={onClose}>
          Cancel
        </Button>
        {ready && mayMake && (
          <Link
            to="/segments/new"
            search={{ level: level === 'company' ? level : undefined, filter: ready.text }}
            className={buttonClass('quiet')}
          >
            Make it a segment
          </Link>
        )}
        <span role="status" className="figures text-data text-muted">
          {ready &&
            (level === 'user'
              ? countOf(ready.members, 'person', 'people')
              : countOf(ready.members, 'company', 'companies'))}
        </span>
      </div>
    </form>
  );
}
