/** The course of some numbers, without axes; the last value stands beside it in words. */
export function Sparkline({
  values,
  label,
  width = 120,
  height = 28,
  tone = 'text-accent',
}: {
  values: number[];
  label: string;
  width?: number;
  height?: number;
  tone?: string;
}) {
  if (values.length < 2) return <div style={{ height }} />;
  const top = Math.max(...values, 1);
  const step = (width - 8) / (values.length - 1);
  const points = values.map((value, index) => ({
    x: 4 + index * step,
    y: height - 4 - (value / top) * (height - 8),
  }));
  const last = points.at(-1);
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      className={`h-[28px] w-full ${tone}`}
      style={{ height }}
      role="img"
      aria-label={label}
    >
      <polyline
        points={points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinejoin="round"
        strokeLinecap="round"
        vectorEffect="non-scaling-stroke"
      />
      {last && (
        <line
          x1={last.x}
          x2={last.x}
          y1={last.y}
          y2={last.y}
          stroke="currentColor"
          strokeWidth="5"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
      )}
    </svg>
  );
}
