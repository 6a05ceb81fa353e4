/**
 * A chart of a few lines over time, drawn as SVG. Its numbers are read by pointer, by arrow keys and in the table below it, which
 * is also a file; a chosen interval leads to what happened in it.
 */
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import {
  axisName,
  csv,
  type Interval,
  intervalName,
  named,
  nearest,
  niceTop,
  pieces,
} from '../text/chart.ts';
import { count } from '../text/number.ts';
import { Button } from './button.tsx';
import { classNames } from './class-names.ts';
import { save } from './save.ts';

export interface Line {
  name: string;
  values: number[];
  total: number;
}

interface Props {
  /** What is counted, in words. */
  label: string;
  /** When each interval begins. */
  starts: readonly string[];
  interval: Interval;
  zone: string;
  lines: Line[];
  /** The last interval still goes on. */
  isLastOpen: boolean;
  onPick: (interval: number) => void;
  isStale?: boolean;
  /** What the file is called. */
  fileName: string;
}

const color = (index: number) => `var(--line-${(index % 8) + 1})`;

export function LineChart(props: Props) {
  const { label, starts, interval, zone, lines, isLastOpen, onPick, isStale } = props;
  const [shown, setShown] = useState<number | null>(null);
  const plot = useRef<HTMLDivElement>(null);
  const top = niceTop(Math.max(0, ...lines.flatMap(({ values }) => values)));
  const last = starts.length - 1;
  const at = shown === null ? null : Math.min(shown, last);
  const share = (index: number) => (last > 0 ? index / last : 0.5);
  const name = (index: number) => intervalName(Date.parse(starts[index] ?? ''), interval, zone);
  const follow = (event: PointerEvent) => {
    const { left, width } = (plot.current ?? event.currentTarget).getBoundingClientRect();
    setShown(nearest((event.clientX - left) / width, starts.length));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      setShown(Math.min(Math.max((at ?? (step > 0 ? -1 : last + 1)) + step, 0), last));
    } else if (event.key === 'Enter' && at !== null) {
      event.preventDefault();
      onPick(at);
    }
  };
  return (
    <figure className={classNames('transition-opacity delay-300', isStale && 'opacity-60')}>
      <figcaption className="mb-2 min-h-[20px] text-data" aria-live="polite">
        {at === null ? (
          <span className="text-muted">{label}</span>
        ) : (
          <span className="figures flex flex-wrap gap-x-4">
            <span className="font-medium">
              {name(at)}
              {isLastOpen && at === last && <span className="text-muted"> so far</span>}
            </span>
            {lines.map((line, index) => (
              <span key={line.name} className="inline-flex items-center gap-1.5">
                <Swatch index={index} />
                {lines.length > 1 && <span className="max-w-[16ch] truncate text-muted">{line.name}</span>}
                {count(line.values[at] ?? 0)}
              </span>
            ))}
          </span>
        )}
      </figcaption>
      <div className="flex gap-2">
        <div
          className="figures relative w-[52px] shrink-0 text-right text-small text-muted"
          aria-hidden="true"
        >
          {[top, top / 2, 0].map((value, index) => (
            <span key={value} className="absolute right-0 -translate-y-1/2" style={{ top: `${index * 50}%` }}>
              {count(value)}
            </span>
          ))}
        </div>
        <div
          ref={plot}
          role="group"
          aria-label={`${label}. Arrow keys read it, Enter opens what happened then.`}
          tabIndex={0}
          className="relative h-[200px] min-w-0 flex-1 cursor-pointer"
          onPointerMove={follow}
          onPointerLeave={() => setShown(null)}
          onBlur={() => setShown(null)}
          onKeyDown={onKeyDown}
          onClick={() => at !== null && onPick(at)}
        >
          <svg
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            className="absolute inset-0 size-full overflow-visible"
            aria-hidden="true"
            focusable="false"
          >
            {[0, 50, 100].map((y) => (
              <line
                key={y}
                x1="0"
                x2="100"
                y1={y}
                y2={y}
                style={{ stroke: 'var(--line)' }}
                strokeWidth="1"
                vectorEffect="non-scaling-stroke"
              />
            ))}
            {lines.map((line, index) => (
              <Drawn key={line.name} values={line.values} top={top} isLastOpen={isLastOpen} index={index} />
            ))}
            {at !== null && (
              <line
                x1={share(at) * 100}
                x2={share(at) * 100}
                y1="0"
                y2="100"
                style={{ stroke: 'var(--muted)' }}
                strokeWidth="1"
                vectorEffect="non-scaling-stroke"
              />
            )}
          </svg>
        </div>
      </div>
      <div className="relative mt-2 ml-[60px] h-4 text-small text-muted" aria-hidden="true">
        {named(starts.length).map((index) => (
          <span
            key={index}
            className={classNames(
              'absolute whitespace-nowrap',
              index === 0 && last > 0
                ? ''
                : index === last && last > 0
                  ? '-translate-x-full'
                  : '-translate-x-1/2',
              index !== 0 && index !== last && 'max-sm:hidden',
            )}
            style={{ left: `${share(index) * 100}%` }}
          >
            {axisName(Date.parse(starts[index] ?? ''), interval, zone)}
          </span>
        ))}
      </div>
      {lines.length > 1 && <Legend lines={lines} />}
      <Twin {...props} name={name} />
    </figure>
  );
}

function Drawn({
  values,
  top,
  isLastOpen,
  index,
}: {
  values: number[];
  top: number;
  isLastOpen: boolean;
  index: number;
}) {
  const { done, open } = pieces(values, top, isLastOpen);
  const style = { stroke: color(index) };
  const look = {
    fill: 'none',
    strokeWidth: 1.75,
    strokeLinejoin: 'round',
    strokeLinecap: 'round',
    vectorEffect: 'non-scaling-stroke',
  } as const;
  return (
    <>
      <path d={done} style={style} {...look} />
      {open && <path d={open} style={style} {...look} strokeDasharray="4 4" />}
    </>
  );
}

function Swatch({ index }: { index: number }) {
  return (
    <span
      aria-hidden="true"
      className="inline-block h-[3px] w-3 shrink-0 rounded-full"
      style={{ background: color(index) }}
    />
  );
}

function Legend({ lines }: { lines: Line[] }) {
  return (
    <ul className="figures mt-3 flex flex-wrap gap-x-5 gap-y-1 text-data">
      {lines.map(({ name, total }, index) => (
        <li key={name} className="flex min-w-0 items-center gap-1.5">
          <Swatch index={index} />
          <span className="max-w-[28ch] truncate" title={name}>
            {name}
          </span>
          <span className="text-muted">{count(total)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The same numbers as a table, and as a file. */
function Twin({
  label,
  starts,
  lines,
  fileName,
  name,
  isLastOpen,
}: Props & { name: (index: number) => string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="mt-3 text-data" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary className="w-fit text-muted hover:text-ink">As a table</summary>
      {isOpen && (
        <>
          <div className="my-2">
            <Button
              small
              onClick={() =>
                save(new File([csv(starts, lines)], fileName, { type: 'text/csv;charset=utf-8' }))
              }
            >
              Download as CSV
            </Button>
          </div>
          <div
            role="region"
            aria-label={`${label}, as a table`}
            tabIndex={0}
            className="scroll-thin max-h-[320px] overflow-auto border-y border-line"
          >
            <table className="w-full border-collapse">
              <thead>
                <tr className="text-muted">
                  <th scope="col" className="h-8 pr-4 text-left font-medium">
                    Time
                  </th>
                  {lines.map((line) => (
                    <th key={line.name} scope="col" className="px-2 text-right font-medium">
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
                      {isLastOpen && index === starts.length - 1 && (
                        <span className="text-muted"> so far</span>
                      )}
                    </th>
                    {lines.map((line) => (
                      <td key={line.name} className="px-2 text-right">
                        {count(line.values[index] ?? 0)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </details>
  );
}
