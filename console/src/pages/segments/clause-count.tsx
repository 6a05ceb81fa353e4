import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { previewQuery } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import { conditionOf, type RowDraft } from '../../rule/draft.ts';
import type { Level, Rule } from '../../rule/rule.ts';
import { count, countOf } from '../../text/number.ts';
import { useSettled } from '../../ui/settled.ts';

/** How many match one condition alone: where a rule loses its people. */
export function ClauseCount({ level, row }: { level: Level; row: RowDraft }) {
  const environment = useEnvironment();
  const condition = conditionOf(row);
  const rule: Rule | null = condition !== null && row.isNot ? { not: condition } : condition;
  const settled = useSettled(JSON.stringify(rule));
  const asked = useMemo(() => JSON.parse(settled) as Rule | null, [settled]);
  const { data, isPlaceholderData } = useQuery({
    ...previewQuery(environment.id, level, asked === null ? null : { rule: asked }),
    refetchInterval: false,
    staleTime: 10_000,
  });
  if (rule === null || data === undefined || isPlaceholderData) return null;
  const who =
    level === 'user'
      ? countOf(data.members, 'person', 'people')
      : countOf(data.members, 'company', 'companies');
  return (
    <span className="figures text-data text-muted" title={`${who} for this condition alone`}>
      {count(data.members)}
      <span className="sr-only"> for this condition alone</span>
    </span>
  );
}
