/** A funnel: how many came to each step, and how many of them stayed behind. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { useCallback, useMemo } from 'react';
import type { FunnelAnswer, FunnelNumber, Row, Steps } from '../../report/answer.ts';
import { groupName, percent, span } from '../../report/numbers.ts';
import { type FunnelQuestion, levelOf } from '../../report/question.ts';
import { COUNTED_WORDS, patternName } from '../../report/words.ts';
import type { Level } from '../../rule/rule.ts';
import { csv } from '../../text/chart.ts';
import { count, countOf } from '../../text/number.ts';
import { classNames } from '../../ui/class-names.ts';
import type { Picked, Tokens } from '../../ui/echart.tsx';
import {
  type AnswerProps,
  axes,
  Chart,
  HEAD,
  LeftOut,
  Opens,
  percentAxis,
  pointedAt,
  Swatch,
  TableTwin,
} from './answer-parts.tsx';

interface FunnelRow {
  name: string;
  row: Row;
  steps: Steps['steps'];
}

/** Everybody, and where the funnel is broken down, each value and all others. */
function funnelRows({ total, groups, other }: FunnelAnswer, isBroken: boolean, level: Level): FunnelRow[] {
  const name = level === 'user' ? 'Everybody' : 'All companies';
  const all = { name, row: 'all' as const, steps: total.steps };
  if (!isBroken) return [all];
  return [
    all,
    ...groups.map(({ value, steps }) => ({ name: groupName(value), row: { group: value }, steps })),
    ...(other ? [{ name: 'all others', row: 'other' as const, steps: other.steps }] : []),
  ];
}

export function FunnelView({
  question,
  answer,
  onNumber,
}: AnswerProps<FunnelQuestion, FunnelAnswer, FunnelNumber>) {
  const isBroken = question.breakdown !== undefined;
  const level = levelOf(question);
  const rows = useMemo(() => funnelRows(answer, isBroken, level), [answer, isBroken, level]);
  const names = useMemo(
    () =>
      question.steps.map((step, index) =>
        question.order === 'any' ? countOf(index + 1, 'step') : `${index + 1} ${patternName(step)}`,
      ),
    [question],
  );
  const drawn = isBroken ? rows.slice(1) : rows;
  const draw = useCallback(
    (tokens: Tokens): EChartsOption => {
      const bars = isBroken ? rows.slice(1) : rows;
      const shares = bars.map(({ steps }) => {
        const first = steps[0]?.count ?? 0;
        return steps.map((step) => (first === 0 ? 0 : (step.count / first) * 100));
      });
      return {
        ...axes(tokens, names),
        yAxis: { ...percentAxis(tokens), max: 100 },
        tooltip: {
          trigger: 'axis',
          axisPointer: { type: 'shadow' },
          formatter: (points: unknown) => {
            const at = pointedAt(points);
            const said = bars.map(
              ({ name, steps }) =>
                `${name}: ${count(steps[at]?.count ?? 0)}, ${percent(steps[at]?.count ?? 0, steps[0]?.count ?? 0)}`,
            );
            return [names[at], ...said].join('\n');
          },
        },
        series: bars.map((bar, index) => ({
          type: 'bar' as const,
          name: bar.name,
          color: tokens.lines[index % tokens.lines.length],
          barMaxWidth: 64,
          barGap: '8%',
          data: shares[index],
        })),
      };
    },
    [rows, names, isBroken],
  );
  const pick = ({ seriesIndex, dataIndex }: Picked) => {
    const bar = drawn[seriesIndex];
    if (bar) onNumber?.({ step: dataIndex, stayed: false, row: bar.row });
  };
  const { steps } = answer.total;
  const [first, last] = [steps[0]?.count ?? 0, steps.at(-1)?.count ?? 0];
  const counted = question.counting === 'users' ? COUNTED_WORDS[level] : { one: 'attempt', many: 'attempts' };
  return (
    <div>
      <p className="mb-3" role="status">
        <span className="figures text-figure font-semibold tracking-tight">{percent(last, first)}</span>{' '}
        <span className="text-muted">
          {count(last)} of {countOf(first, counted.one, counted.many)} took every step
        </span>
      </p>
      <Chart draw={draw} label={`Shares that came to each of ${names.length} steps`} onPick={pick} />
      {isBroken && (
        <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-data">
          {drawn.map(({ name }, index) => (
            <li key={name} className="flex items-center gap-1.5">
              <Swatch color={index} />
              {name}
            </li>
          ))}
        </ul>
      )}
      <LeftOut groups={answer.groups_left_out} />
      <FunnelTable rows={rows} names={names} isBroken={isBroken} onNumber={onNumber} />
    </div>
  );
}

const TITLES = [
  'Step',
  'Came here',
  'Of the first',
  'Of the one before',
  'Stopped here',
  'Median time',
  '9 of 10 within',
];

function FunnelTable({
  rows,
  names,
  isBroken,
  onNumber,
}: {
  rows: FunnelRow[];
  names: string[];
  isBroken: boolean;
  onNumber?: (number: FunnelNumber) => void;
}) {
  const text = () =>
    csv(
      names,
      rows.map((row) => ({ name: row.name, values: row.steps.map((step) => step.count) })),
      'step',
    );
  return (
    <TableTwin label="The funnel as a table" file="funnel.csv" csv={text}>
      <thead>
        <tr>
          {TITLES.map((title, index) => (
            <th
              key={title}
              scope="col"
              className={classNames(HEAD, index === 0 ? 'pl-0 text-left' : 'text-right')}
            >
              {title}
            </th>
          ))}
        </tr>
      </thead>
      {rows.map((row) => (
        <tbody key={row.name}>
          {isBroken && (
            <tr className="border-t border-line">
              <th scope="rowgroup" colSpan={TITLES.length} className="pt-2.5 pb-1 text-left font-medium">
                {row.name}
              </th>
            </tr>
          )}
          {row.steps.map((step, index) => (
            <FunnelStep
              key={names[index]}
              name={names[index] ?? ''}
              steps={row.steps}
              index={index}
              onNumber={onNumber && ((stayed) => onNumber({ step: index, stayed, row: row.row }))}
              time={step.time}
            />
          ))}
        </tbody>
      ))}
    </TableTwin>
  );
}

function FunnelStep({
  name,
  steps,
  index,
  time,
  onNumber,
}: {
  name: string;
  steps: Steps['steps'];
  index: number;
  time: Steps['steps'][number]['time'];
  onNumber?: (stayed: boolean) => void;
}) {
  const here = steps[index]?.count ?? 0;
  const [first, before, next] = [steps[0]?.count ?? 0, steps[index - 1]?.count, steps[index + 1]?.count];
  return (
    <tr className="border-t border-line">
      <th scope="row" className="max-w-[220px] truncate py-1.5 pr-4 text-left font-normal" title={name}>
        {name}
      </th>
      <td className="px-2 text-right font-medium">
        <Opens label={`came to ${name}`} onClick={onNumber && (() => onNumber(false))}>
          {count(here)}
        </Opens>
      </td>
      <td className="px-2 text-right">{percent(here, first)}</td>
      <td className="px-2 text-right">{before === undefined ? '' : percent(here, before)}</td>
      <td className="px-2 text-right text-muted">
        {next !== undefined && (
          <Opens label={`stopped at ${name}`} onClick={onNumber && (() => onNumber(true))}>
            {count(here - next)}
          </Opens>
        )}
      </td>
      <td className="px-2 text-right">{time ? span(time.median_seconds) : ''}</td>
      <td className="px-2 text-right">{time ? span(time.p90_seconds) : ''}</td>
    </tr>
  );
}
