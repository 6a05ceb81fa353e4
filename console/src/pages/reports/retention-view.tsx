/** Retention: who came back, as a curve and by when they began. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { useCallback, useMemo } from 'react';
import type { RetentionAnswer, RetentionNumber } from '../../report/answer.ts';
import { percent } from '../../report/numbers.ts';
import { levelOf, type RetentionQuestion } from '../../report/question.ts';
import { csv, intervalName } from '../../text/chart.ts';
import { count } from '../../text/number.ts';
import { classNames } from '../../ui/class-names.ts';
import type { Tokens } from '../../ui/echart.tsx';
import {
  type AnswerProps,
  axes,
  Chart,
  HEAD,
  Opens,
  percentAxis,
  pointedAt,
  TableTwin,
} from './answer-parts.tsx';

const EACH_WORDS = { hour: 'Hour', day: 'Day', week: 'Week', month: 'Month' } as const;

export function RetentionView({
  question,
  answer,
  onNumber,
}: AnswerProps<RetentionQuestion, RetentionAnswer, RetentionNumber>) {
  const { cohorts, curve, zone } = answer;
  const { each } = question;
  const level = levelOf(question);
  const periods = useMemo(() => curve.map((_, period) => `${EACH_WORDS[each]} ${period}`), [curve, each]);
  const draw = useCallback(
    (tokens: Tokens): EChartsOption => ({
      ...axes(tokens, periods),
      yAxis: percentAxis(tokens),
      tooltip: {
        trigger: 'axis',
        formatter: (points: unknown) => {
          const at = pointedAt(points);
          const { size = 0, returned = 0 } = curve[at] ?? {};
          return `${periods[at]}\n${count(returned)} of ${count(size)}, ${percent(returned, size)}`;
        },
      },
      series: [
        {
          type: 'line',
          color: tokens.lines[0],
          symbolSize: 5,
          lineStyle: { width: 1.75 },
          data: curve.map(({ size, returned }) => (size === 0 ? null : (returned / size) * 100)),
        },
      ],
    }),
    [curve, periods],
  );
  const name = (start: string) => intervalName(Date.parse(start), each, zone);
  const text = () =>
    csv(
      cohorts.map(({ start }) => start),
      [
        { name: 'size', values: cohorts.map(({ size }) => size) },
        ...periods.map((period, index) => ({
          name: period,
          values: cohorts.map(({ returned }) => returned[index] ?? ''),
        })),
      ],
    );
  return (
    <div>
      <Chart draw={draw} height={220} label="Share that came back, by how long after they began" />
      <TableTwin label="Who came back, by when they began" file="retention.csv" csv={text}>
        <thead>
          <tr>
            <th scope="col" className={classNames(HEAD, 'pl-0 text-left')}>
              Began, in {zone}
            </th>
            <th scope="col" className={classNames(HEAD, 'text-right')}>
              {level === 'user' ? 'People' : 'Companies'}
            </th>
            {periods.map((period) => (
              <th key={period} scope="col" className={classNames(HEAD, 'text-right')}>
                {period}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map(({ start, size, returned }, cohort) => (
            <tr key={start} className="border-t border-line">
              <th scope="row" className="py-1.5 pr-4 text-left font-normal whitespace-nowrap">
                {name(start)}
              </th>
              <td className="px-2 text-right font-medium">
                <Opens label={`began ${name(start)}`} onClick={onNumber && (() => onNumber({ cohort }))}>
                  {count(size)}
                </Opens>
              </td>
              {periods.map((title, period) => {
                const came = returned[period];
                return (
                  <td
                    key={title}
                    className="px-2 text-right"
                    title={came === undefined ? undefined : `${count(came)} of ${count(size)}`}
                    style={came === undefined ? undefined : { background: heat(came, size) }}
                  >
                    {came !== undefined && (
                      <Opens
                        label={`began ${name(start)}, came back in ${title.toLowerCase()}`}
                        onClick={onNumber && (() => onNumber({ cohort, period }))}
                      >
                        {percent(came, size)}
                      </Opens>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </TableTwin>
    </div>
  );
}

/** Text stays readable on the strongest of it, in both themes. */
const HEAT_PERCENT_MAX = 45;
function heat(returned: number, size: number): string {
  const share = size === 0 ? 0 : Math.round((returned / size) * HEAT_PERCENT_MAX);
  return `color-mix(in srgb, var(--accent) ${share}%, transparent)`;
}
