/** A trend: lines over time. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { useCallback, useMemo } from 'react';
import type { TrendAnswer, TrendNumber } from '../../report/answer.ts';
import { isLastOpen, type TrendLine, trendLines } from '../../report/lines.ts';
import { figure } from '../../report/numbers.ts';
import type { TrendQuestion } from '../../report/question.ts';
import { axisName, csv, intervalName } from '../../text/chart.ts';
import { classNames } from '../../ui/class-names.ts';
import type { Picked, Tokens } from '../../ui/echart.tsx';
import { useNow } from '../../ui/time.tsx';
import {
  type AnswerProps,
  axes,
  Chart,
  HEAD,
  LeftOut,
  Opens,
  pointedAt,
  Swatch,
  TableTwin,
} from './answer-parts.tsx';

export function TrendView({
  question,
  answer,
  onNumber,
}: AnswerProps<TrendQuestion, TrendAnswer, TrendNumber>) {
  const lines = useMemo(() => trendLines(question, answer), [question, answer]);
  const { starts, zone } = answer;
  const { interval } = question;
  const isOpen = isLastOpen(starts, interval, useNow());
  const draw = useCallback(
    (tokens: Tokens): EChartsOption => {
      const name = (index: number) => intervalName(Date.parse(starts[index] ?? ''), interval, zone);
      return {
        ...axes(
          tokens,
          starts.map((start) => axisName(Date.parse(start), interval, zone)),
        ),
        tooltip: {
          trigger: 'axis',
          axisPointer: { lineStyle: { color: tokens.muted } },
          formatter: (points: unknown) => {
            const at = pointedAt(points);
            const said = lines.map((line) => `${line.name}: ${figure(line.values[at])}`);
            return [`${name(at)}${isOpen && at === starts.length - 1 ? ' so far' : ''}`, ...said].join('\n');
          },
        },
        series: lines.flatMap((line) => seriesOf(line, tokens, isOpen)),
      };
    },
    [lines, starts, interval, zone, isOpen],
  );
  // Each line is drawn in two pieces: what is over, and the interval that still goes on.
  const pick = ({ seriesIndex, dataIndex }: Picked) => {
    const behind = lines[Math.floor(seriesIndex / 2)]?.behind;
    if (behind) onNumber?.({ ...behind, interval: dataIndex });
  };
  const leftOut = answer.series.reduce((sum, series) => sum + series.groups_left_out, 0);
  return (
    <div>
      <Chart
        draw={draw}
        label={`${lines.map(({ name }) => name).join(', ')}: a line over time`}
        onPick={pick}
      />
      <Legend lines={lines} onNumber={onNumber} />
      {question.breakdown !== undefined && <LeftOut groups={leftOut} />}
      <TrendTable question={question} answer={answer} lines={lines} isOpen={isOpen} onNumber={onNumber} />
    </div>
  );
}

function seriesOf(line: TrendLine, { lines }: Tokens, isOpen: boolean) {
  const color = lines[line.color % lines.length];
  const last = line.values.length - 1;
  const look = { type: 'line' as const, name: line.name, color, symbolSize: 5, cursor: 'pointer' };
  const width = line.isPrevious ? 1 : 1.75;
  const isDone = (index: number) => !isOpen || index < last;
  return [
    {
      ...look,
      showSymbol: line.values.length === 1,
      lineStyle: { width, type: line.isPrevious ? ('dotted' as const) : ('solid' as const) },
      data: line.values.map((value, index) => (isDone(index) ? value : null)),
    },
    {
      ...look,
      showSymbol: false,
      lineStyle: { width, type: 'dashed' as const },
      data: line.values.map((value, index) => (isOpen && index >= last - 1 ? value : null)),
    },
  ];
}

function Legend({ lines, onNumber }: { lines: TrendLine[]; onNumber?: (number: TrendNumber) => void }) {
  return (
    <ul className="figures mt-3 flex flex-wrap gap-x-5 gap-y-1 text-data">
      {lines
        .filter(({ isPrevious }) => !isPrevious)
        .map(({ name, color, whole, behind }) => (
          <li key={name} className="flex min-w-0 items-center gap-1.5">
            <Swatch color={color} />
            <span className="max-w-[32ch] truncate" title={name}>
              {name}
            </span>
            <span className="text-muted">
              <Opens label={name} onClick={behind && onNumber ? () => onNumber(behind) : undefined}>
                {figure(whole)}
              </Opens>
            </span>
          </li>
        ))}
    </ul>
  );
}

function TrendTable({
  question,
  answer,
  lines,
  isOpen,
  onNumber,
}: AnswerProps<TrendQuestion, TrendAnswer, TrendNumber> & { lines: TrendLine[]; isOpen: boolean }) {
  const { starts, zone } = answer;
  const name = (index: number) => intervalName(Date.parse(starts[index] ?? ''), question.interval, zone);
  const text = () =>
    csv(
      starts,
      lines.map((line) => ({ name: line.name, values: line.values.map((value) => value ?? '') })),
    );
  return (
    <TableTwin label="The trend as a table" file="trend.csv" csv={text}>
      <thead>
        <tr>
          <th scope="col" className={classNames(HEAD, 'pl-0 text-left')}>
            Time, in {zone}
          </th>
          {lines.map((line) => (
            <th key={line.name} scope="col" className={classNames(HEAD, 'text-right')}>
              {line.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {starts.map((start, index) => (
          <tr key={start} className="border-t border-line">
            <th scope="row" className="py-1 pr-4 text-left font-normal whitespace-nowrap">
              {name(index)}
              {isOpen && index === starts.length - 1 && <span className="text-muted"> so far</span>}
            </th>
            {lines.map((line) => {
              const { behind } = line;
              return (
                <td key={line.name} className="px-2 text-right">
                  <Opens
                    label={`${line.name}, ${name(index)}`}
                    onClick={behind && onNumber ? () => onNumber({ ...behind, interval: index }) : undefined}
                  >
                    {figure(line.values[index])}
                  </Opens>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </TableTwin>
  );
}
