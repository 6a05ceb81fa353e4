/** Paths: where people went, step by step. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { useCallback } from 'react';
import type { Branch, PathAnswer, PathNumber } from '../../report/answer.ts';
import { levelOf, type PathQuestion } from '../../report/question.ts';
import { branchName, COUNTED_WORDS } from '../../report/words.ts';
import { count, countOf } from '../../text/number.ts';
import type { Picked, Tokens } from '../../ui/echart.tsx';
import { useIsSmall } from '../../ui/media.ts';
import { type AnswerProps, Chart, Opens } from './answer-parts.tsx';

export function PathView({ question, answer, onNumber }: AnswerProps<PathQuestion, PathAnswer, PathNumber>) {
  const { levels } = answer;
  const isFrom = question.direction === 'from';
  const [one, many] = COUNTED_WORDS[levelOf(question)].behind;
  const draw = useCallback(
    (tokens: Tokens): EChartsOption => ({
      tooltip: {
        trigger: 'item',
        formatter: (point: unknown) => {
          const { dataType, name, data } = point as {
            dataType: string;
            name: string;
            data: { source: string; target: string; value: number };
          };
          const title = (id: string) => branchName(branchAt(levels, id));
          return dataType === 'edge'
            ? `${title(data.source)} → ${title(data.target)}: ${countOf(data.value, one, many)}`
            : `${title(name)}: ${countOf(branchAt(levels, name)?.users ?? 0, one, many)}`;
        },
      },
      series: [sankey(levels, isFrom, tokens)],
    }),
    [levels, isFrom, one, many],
  );
  const pick = ({ name, dataType }: Picked) => {
    if (dataType !== 'node') return;
    const [level = 0, branch = 0] = name.split(':').map(Number);
    onNumber?.({ level, branch });
  };
  const isSmall = useIsSmall();
  const tallest = Math.max(...levels.map((level) => level.length), 1);
  const goesOn = levels.some((level) => level.some(({ next }) => next.some((users) => users > 0)));
  return (
    <div>
      {/* Flows need a wider window than a phone's, and somebody who goes on; the lists below say the same. */}
      {!isSmall && goesOn && (
        <Chart
          draw={draw}
          height={Math.max(220, tallest * 56)}
          label={`Paths over ${countOf(levels.length, 'step')}`}
          onPick={pick}
        />
      )}
      <div className="mt-5 grid gap-x-8 gap-y-5 sm:grid-cols-2 2xl:grid-cols-3">
        {levels.map((level, index) => (
          <section key={index} aria-label={`Step ${index + 1}`}>
            <h3 className="mb-1 text-data text-muted">
              {index === 0 ? (isFrom ? 'It begins with' : 'It ends with') : `Step ${index + 1}`}
            </h3>
            <ol className="figures text-data">
              {level.map((branch, at) => (
                <li
                  key={`${branch.type} ${branch.event}`}
                  className="flex items-baseline gap-3 border-t border-line py-1.5"
                >
                  <span className="min-w-0 flex-1 truncate" title={branchName(branch)}>
                    {branchName(branch)}
                  </span>
                  <span className="text-muted">
                    {index < levels.length - 1 &&
                      branch.ended > 0 &&
                      `${count(branch.ended)} ${isFrom ? 'ended' : 'began'} here`}
                  </span>
                  <Opens
                    label={`${branchName(branch)} as step ${index + 1}`}
                    onClick={onNumber && (() => onNumber({ level: index, branch: at }))}
                  >
                    {count(branch.users)}
                  </Opens>
                </li>
              ))}
            </ol>
          </section>
        ))}
      </div>
    </div>
  );
}

function branchAt(levels: Branch[][], id: string): Branch | undefined {
  const [level = 0, branch = 0] = id.split(':').map(Number);
  return levels[level]?.[branch];
}

function sankey(levels: Branch[][], isFrom: boolean, { ink, lines, line }: Tokens) {
  const depth = (level: number) => (isFrom ? level : levels.length - 1 - level);
  return {
    type: 'sankey' as const,
    left: 4,
    right: 140,
    top: 8,
    bottom: 8,
    nodeWidth: 10,
    draggable: false,
    emphasis: { disabled: true },
    label: {
      color: ink,
      formatter: ({ name }: { name: string }) => branchName(branchAt(levels, name)),
      width: 130,
      overflow: 'truncate' as const,
    },
    lineStyle: { color: line, opacity: 0.9, curveness: 0.5 },
    data: levels.flatMap((level, index) =>
      level.map((branch, at) => ({
        name: `${index}:${at}`,
        value: branch.users,
        depth: depth(index),
        itemStyle: { color: branch.event === null && !branch.type ? lines[7] : lines[0], borderWidth: 0 },
      })),
    ),
    links: levels.flatMap((level, index) =>
      level.flatMap((branch, at) =>
        branch.next.flatMap((users, next) => {
          if (users === 0 || levels[index + 1]?.[next] === undefined) return [];
          const [near, far] = [`${index}:${at}`, `${index + 1}:${next}`];
          return [
            isFrom
              ? { source: near, target: far, value: users }
              : { source: far, target: near, value: users },
          ];
        }),
      ),
    ),
  };
}
