/** What each kind of report answers: a chart for the eye, and a table whose numbers open the people behind them. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { lazy, type ReactNode, Suspense, useCallback, useMemo } from 'react';
import type {
  Branch,
  FunnelAnswer,
  FunnelNumber,
  PathAnswer,
  PathNumber,
  RetentionAnswer,
  RetentionNumber,
  Row,
  Steps,
  TrendAnswer,
  TrendNumber,
} from '../../report/answer.ts';
import { isLastOpen, type TrendLine, trendLines } from '../../report/lines.ts';
import { figure, groupName, percent, span } from '../../report/numbers.ts';
import type {
  FunnelQuestion,
  PathQuestion,
  RetentionQuestion,
  TrendQuestion,
} from '../../report/question.ts';
import { branchName, patternName } from '../../report/words.ts';
import { axisName, csv, intervalName } from '../../text/chart.ts';
import { count, countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import type { Picked, Tokens } from '../../ui/echart.tsx';
import { useIsSmall } from '../../ui/media.ts';
import { save } from '../../ui/save.ts';
import { useNow } from '../../ui/time.tsx';

const EChart = lazy(() => import('../../ui/echart.tsx'));

interface Props<Question, Answer, Number> {
  question: Question;
  answer: Answer;
  /** Shows the people behind a number; nothing opens where a report is only looked at. */
  onNumber?: (number: Number) => void;
}

function Chart(props: {
  draw: (tokens: Tokens) => EChartsOption;
  height?: number;
  label: string;
  onPick?: (picked: Picked) => void;
}) {
  const { height = 280 } = props;
  return (
    <Suspense fallback={<div style={{ height }} />}>
      <EChart {...props} height={height} />
    </Suspense>
  );
}

/** A number that opens the people behind it. */
function Opens({ children, onClick, label }: { children: string; onClick?: () => void; label: string }) {
  if (onClick === undefined) return children;
  return (
    <button
      type="button"
      onClick={onClick}
      aria-label={`${children}: ${label}`}
      className="rounded hover:text-accent hover:underline hover:underline-offset-3"
    >
      {children}
    </button>
  );
}

function TableRegion({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div
      role="region"
      aria-label={label}
      tabIndex={0}
      className="scroll-thin max-h-[480px] overflow-auto border-y border-line text-data"
    >
      <table className="figures w-full border-collapse">{children}</table>
    </div>
  );
}

const HEAD = 'sticky top-0 bg-ground h-8 px-2 font-medium text-muted whitespace-nowrap';

function axes({ muted, line }: Tokens, names: string[]): EChartsOption {
  return {
    grid: { left: 4, right: 12, top: 12, bottom: 4, outerBoundsMode: 'same' },
    xAxis: {
      type: 'category',
      data: names,
      axisLine: { lineStyle: { color: line } },
      axisTick: { show: false },
      axisLabel: { color: muted, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      splitLine: { lineStyle: { color: line } },
      axisLabel: { color: muted },
    },
  };
}

interface TooltipPoint {
  dataIndex: number;
}
const firstIndex = (points: unknown) => ([points].flat()[0] as TooltipPoint | undefined)?.dataIndex ?? 0;

export function TrendView({ question, answer, onNumber }: Props<TrendQuestion, TrendAnswer, TrendNumber>) {
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
            const at = firstIndex(points);
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
      {leftOut > 0 && question.breakdown !== undefined && (
        <p className="mt-2 text-data text-muted">
          {countOf(leftOut, 'more value')} {leftOut === 1 ? 'is' : 'are'} among all others.
        </p>
      )}
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

function Swatch({ color }: { color: number }) {
  return (
    <span
      aria-hidden="true"
      className="inline-block h-[3px] w-3 shrink-0 rounded-full"
      style={{ background: `var(--line-${(color % 8) + 1})` }}
    />
  );
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
}: Props<TrendQuestion, TrendAnswer, TrendNumber> & { lines: TrendLine[]; isOpen: boolean }) {
  const { starts, zone } = answer;
  const name = (index: number) => intervalName(Date.parse(starts[index] ?? ''), question.interval, zone);
  const download = () =>
    save(
      new File(
        [
          csv(
            starts,
            lines.map((line) => ({ name: line.name, values: line.values.map((value) => value ?? '') })),
          ),
        ],
        'trend.csv',
        { type: 'text/csv;charset=utf-8' },
      ),
    );
  return (
    <Twin onDownload={download}>
      <TableRegion label="The trend as a table">
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
                      onClick={
                        behind && onNumber ? () => onNumber({ ...behind, interval: index }) : undefined
                      }
                    >
                      {figure(line.values[index])}
                    </Opens>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </TableRegion>
    </Twin>
  );
}

function Twin({ children, onDownload }: { children: ReactNode; onDownload: () => void }) {
  return (
    <div className="mt-5">
      <div className="mb-1.5 flex justify-end">
        <Button small onClick={onDownload}>
          Download as CSV
        </Button>
      </div>
      {children}
    </div>
  );
}

/** The rows of a funnel: everybody, or each value and all others. */
function funnelRows(
  { total, groups, other }: FunnelAnswer,
  isBroken: boolean,
): { name: string; row: Row; steps: Steps['steps'] }[] {
  const all = { name: 'Everybody', row: 'all' as const, steps: total.steps };
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
}: Props<FunnelQuestion, FunnelAnswer, FunnelNumber>) {
  const isBroken = question.breakdown !== undefined;
  const rows = useMemo(() => funnelRows(answer, isBroken), [answer, isBroken]);
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
        yAxis: {
          type: 'value',
          max: 100,
          splitLine: { lineStyle: { color: tokens.line } },
          axisLabel: { color: tokens.muted, formatter: '{value}%' },
        },
        tooltip: {
          trigger: 'axis',
          axisPointer: { type: 'shadow' },
          formatter: (points: unknown) => {
            const at = firstIndex(points);
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
  const who = question.counting === 'users' ? ['user', 'users'] : ['attempt', 'attempts'];
  const download = () =>
    save(
      new File(
        [
          csv(
            names,
            rows.map((row) => ({ name: row.name, values: row.steps.map((step) => step.count) })),
            'step',
          ),
        ],
        'funnel.csv',
        { type: 'text/csv;charset=utf-8' },
      ),
    );
  return (
    <div>
      <p className="mb-3" role="status">
        <span className="figures text-figure font-semibold tracking-tight">{percent(last, first)}</span>{' '}
        <span className="text-muted">
          {count(last)} of {countOf(first, who[0] ?? '', who[1])} took every step
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
      {answer.groups_left_out > 0 && (
        <p className="mt-2 text-data text-muted">
          {countOf(answer.groups_left_out, 'more value')} {answer.groups_left_out === 1 ? 'is' : 'are'} among
          all others.
        </p>
      )}
      <Twin onDownload={download}>
        <TableRegion label="The funnel as a table">
          <thead>
            <tr>
              {[
                'Step',
                'Came here',
                'Of the first',
                'Of the one before',
                'Stopped here',
                'Median time',
                '9 of 10 within',
              ].map((title, index) => (
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
                  <th scope="rowgroup" colSpan={7} className="pt-2.5 pb-1 text-left font-medium">
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
        </TableRegion>
      </Twin>
    </div>
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

const EACH_WORDS = { hour: 'Hour', day: 'Day', week: 'Week', month: 'Month' } as const;

export function RetentionView({
  question,
  answer,
  onNumber,
}: Props<RetentionQuestion, RetentionAnswer, RetentionNumber>) {
  const { cohorts, curve, zone } = answer;
  const { each } = question;
  const periods = useMemo(() => curve.map((_, period) => `${EACH_WORDS[each]} ${period}`), [curve, each]);
  const draw = useCallback(
    (tokens: Tokens): EChartsOption => ({
      ...axes(tokens, periods),
      yAxis: {
        type: 'value',
        min: 0,
        splitLine: { lineStyle: { color: tokens.line } },
        axisLabel: { color: tokens.muted, formatter: '{value}%' },
      },
      tooltip: {
        trigger: 'axis',
        formatter: (points: unknown) => {
          const at = firstIndex(points);
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
  const download = () =>
    save(
      new File(
        [
          csv(
            cohorts.map(({ start }) => start),
            [
              { name: 'size', values: cohorts.map(({ size }) => size) },
              ...periods.map((period, index) => ({
                name: period,
                values: cohorts.map(({ returned }) => returned[index] ?? ''),
              })),
            ],
          ),
        ],
        'retention.csv',
        { type: 'text/csv;charset=utf-8' },
      ),
    );
  return (
    <div>
      <Chart draw={draw} height={220} label="Share that came back, by how long after they began" />
      <Twin onDownload={download}>
        <TableRegion label="Who came back, by when they began">
          <thead>
            <tr>
              <th scope="col" className={classNames(HEAD, 'pl-0 text-left')}>
                Began, in {zone}
              </th>
              <th scope="col" className={classNames(HEAD, 'text-right')}>
                People
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
        </TableRegion>
      </Twin>
    </div>
  );
}

/** Text stays readable on the strongest of it, in both themes. */
const HEAT_PERCENT_MAX = 45;
function heat(returned: number, size: number): string {
  const share = size === 0 ? 0 : Math.round((returned / size) * HEAT_PERCENT_MAX);
  return `color-mix(in srgb, var(--accent) ${share}%, transparent)`;
}

export function PathView({ question, answer, onNumber }: Props<PathQuestion, PathAnswer, PathNumber>) {
  const { levels } = answer;
  const isFrom = question.direction === 'from';
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
            ? `${title(data.source)} → ${title(data.target)}: ${countOf(data.value, 'person', 'people')}`
            : `${title(name)}: ${countOf(branchAt(levels, name)?.users ?? 0, 'person', 'people')}`;
        },
      },
      series: [sankey(levels, isFrom, tokens)],
    }),
    [levels, isFrom],
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
