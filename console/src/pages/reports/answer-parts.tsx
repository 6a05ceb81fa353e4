/** What the answers of every kind are made of: a chart, its table twin, and numbers that open the people behind them. */
import type { EChartsOption } from 'echarts/types/dist/shared';
import { lazy, type ReactNode, Suspense } from 'react';
import { countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import type { Picked, Tokens } from '../../ui/echart.tsx';
import { save } from '../../ui/save.ts';

const EChart = lazy(() => import('../../ui/echart.tsx'));

export interface AnswerProps<Question, Answer, Number> {
  question: Question;
  answer: Answer;
  /** Shows the people behind a number; nothing opens where a report is only looked at. */
  onNumber?: (number: Number) => void;
}

export function Chart(props: {
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
export function Opens({
  children,
  onClick,
  label,
}: {
  children: string;
  onClick?: () => void;
  label: string;
}) {
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

/** The table that says what a chart shows, to be read here and taken along as a file. */
export function TableTwin({
  label,
  file,
  csv,
  children,
}: {
  label: string;
  file: string;
  csv: () => string;
  children: ReactNode;
}) {
  const download = () => save(new File([csv()], file, { type: 'text/csv;charset=utf-8' }));
  return (
    <div className="mt-5">
      <div className="mb-1.5 flex justify-end">
        <Button small onClick={download}>
          Download as CSV
        </Button>
      </div>
      <div
        role="region"
        aria-label={label}
        tabIndex={0}
        className="scroll-thin max-h-[480px] overflow-auto border-y border-line text-data"
      >
        <table className="figures w-full border-collapse">{children}</table>
      </div>
    </div>
  );
}

/** A title of the table, which stays in sight. */
export const HEAD = 'sticky top-0 bg-ground h-8 px-2 font-medium text-muted whitespace-nowrap';

export function axes({ muted, line }: Tokens, names: string[]): EChartsOption {
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

/** A value axis of shares. */
export function percentAxis({ muted, line }: Tokens) {
  return {
    type: 'value' as const,
    min: 0,
    splitLine: { lineStyle: { color: line } },
    axisLabel: { color: muted, formatter: '{value}%' },
  };
}

/** Which place of the axis a tooltip is about. */
export function pointedAt(points: unknown): number {
  return ([points].flat()[0] as { dataIndex: number } | undefined)?.dataIndex ?? 0;
}

/** The colour of a line or a bar beside its name. */
export function Swatch({ color }: { color: number }) {
  return (
    <span
      aria-hidden="true"
      className="inline-block h-[3px] w-3 shrink-0 rounded-full"
      style={{ background: `var(--line-${(color % 8) + 1})` }}
    />
  );
}

/** A breakdown shows as many values as a chart tells apart. */
export function LeftOut({ groups }: { groups: number }) {
  if (groups === 0) return null;
  return (
    <p className="mt-2 text-data text-muted">
      {countOf(groups, 'more value')} {groups === 1 ? 'is' : 'are'} among all others.
    </p>
  );
}
