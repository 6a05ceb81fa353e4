/**
 * A chart by ECharts, of which only the parts that reports draw are used; the module is fetched with the first of them. The SVG
 * is for the eye: the same numbers stand in a table beside it, which the keyboard and screen readers use.
 */
import { BarChart, LineChart, SankeyChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { type ECharts, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { EChartsOption } from 'echarts/types/dist/shared';
import { useEffect, useRef, useState } from 'react';

use([BarChart, LineChart, SankeyChart, GridComponent, TooltipComponent, SVGRenderer]);

/** The console's colours as plain values: a chart cannot follow custom properties. */
export interface Tokens {
  ink: string;
  muted: string;
  line: string;
  raised: string;
  /** The family, by its name: widths are measured with it. */
  font: string;
  /** Of lines, told apart by people who see few colours as well. */
  lines: string[];
}

function readTokens(place: HTMLElement): Tokens {
  const probe = document.createElement('span');
  place.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const tokens = {
    ink: read('ink'),
    muted: read('muted'),
    line: read('line'),
    raised: read('raised'),
    font: getComputedStyle(place).fontFamily,
    lines: Array.from({ length: 8 }, (_, index) => read(`line-${index + 1}`)),
  };
  probe.remove();
  return tokens;
}

/** What was clicked, as the option named it. */
export interface Picked {
  seriesIndex: number;
  dataIndex: number;
  name: string;
  dataType?: string;
}

interface Props {
  draw: (tokens: Tokens) => EChartsOption;
  height: number;
  label: string;
  onPick?: (picked: Picked) => void;
}

/** What all charts share: no animation, the console's type, and a tooltip that is drawn, not written as HTML. */
function common({ ink, line, raised, font }: Tokens): EChartsOption {
  return {
    animation: false,
    textStyle: { fontFamily: font, fontSize: 12 },
    tooltip: {
      renderMode: 'richText',
      confine: true,
      backgroundColor: raised,
      borderColor: line,
      textStyle: { color: ink, fontSize: 12 },
    },
  };
}

export default function EChart({ draw, height, label, onPick }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<ECharts | null>(null);
  const [themes, setThemes] = useState(0);
  const pick = useRef(onPick);
  pick.current = onPick;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = init(element, undefined, { renderer: 'svg' });
    made.on('click', (event) => pick.current?.(event as unknown as Picked));
    const resizing = new ResizeObserver(() => made.resize());
    resizing.observe(element);
    // The theme is the system's or a choice that stands on the root.
    const changed = () => setThemes((count) => count + 1);
    const choosing = new MutationObserver(changed);
    choosing.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = window.matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', changed);
    setChart(made);
    return () => {
      resizing.disconnect();
      choosing.disconnect();
      system.removeEventListener('change', changed);
      made.dispose();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `themes` stands for the colours, which are read here
  useEffect(() => {
    if (chart === null || place.current === null) return;
    const tokens = readTokens(place.current);
    const own = draw(tokens);
    const shared = common(tokens);
    chart.setOption(
      { ...shared, ...own, tooltip: { ...(shared.tooltip as object), ...(own.tooltip as object) } },
      { notMerge: true },
    );
  }, [chart, draw, themes]);
  return <div ref={place} role="img" aria-label={label} style={{ height }} className="w-full" />;
}
