import { useMemo } from 'react';
import { type Line, lines, read, type Token } from '../json/source.ts';
import { classNames } from './class-names.ts';
import { Prose } from './prose.tsx';

export interface Mark {
  pointer: string;
  message: string;
  tone: 'bad' | 'warn';
}

const TOKEN: Record<Token['kind'], string> = {
  key: 'text-ink',
  string: 'text-good',
  number: 'text-accent',
  word: 'text-warn',
  sign: 'text-muted',
};

/** A body as it was sent, one line a value, with what is wrong marked where it is wrong. */
export function SourceView({ text, marks = [], label }: { text: string; marks?: Mark[]; label: string }) {
  const source = useMemo(() => read(text), [text]);
  if ('broken' in source)
    return <Broken text={text} offset={source.broken.offset} marks={marks} label={label} />;
  const all = lines(
    source.node,
    marks.map((mark) => mark.pointer),
  );
  return (
    // A region that scrolls has to be reachable by the keyboard.
    <pre
      tabIndex={0}
      role="group"
      aria-label={label}
      className="scroll-thin overflow-x-auto rounded-lg border border-line bg-surface py-2"
    >
      {all.map((line, index) => (
        <SourceLine key={index} line={line} marks={marks.filter((mark) => mark.pointer === line.pointer)} />
      ))}
    </pre>
  );
}

function SourceLine({ line, marks }: { line: Line; marks: Mark[] }) {
  const tone = marks.some((mark) => mark.tone === 'bad') ? 'bad' : marks.length > 0 ? 'warn' : null;
  return (
    <div
      data-pointer={tone === null ? undefined : (line.pointer ?? undefined)}
      className={classNames(
        'min-w-fit border-l-2 pr-3 leading-[20px]',
        tone === 'bad' && 'border-bad bg-bad-wash',
        tone === 'warn' && 'border-warn bg-warn-wash',
        tone === null && 'border-transparent',
      )}
    >
      <span
        className="block whitespace-pre-wrap break-words"
        style={{ paddingLeft: `${12 + line.depth * 16}px` }}
      >
        {line.tokens.map((token, index) => (
          <span key={index} className={line.missing ? 'text-bad italic' : TOKEN[token.kind]}>
            {token.text}
          </span>
        ))}
        {line.missing && <span className="text-bad italic"> is missing</span>}
      </span>
      {marks.map((mark) => (
        <span
          key={mark.message}
          className={classNames(
            'block font-sans text-data whitespace-normal',
            mark.tone === 'bad' ? 'text-bad' : 'text-warn',
          )}
          style={{ paddingLeft: `${12 + line.depth * 16}px` }}
        >
          ↑ <Prose text={mark.message} />
        </span>
      ))}
    </div>
  );
}

/** What is no JSON is shown as it came, and marked where reading ended. */
function Broken({
  text,
  offset,
  marks,
  label,
}: {
  text: string;
  offset: number;
  marks: Mark[];
  label: string;
}) {
  return (
    <pre
      tabIndex={0}
      role="group"
      aria-label={label}
      className="scroll-thin overflow-x-auto rounded-lg border border-line bg-surface px-3.5 py-2 leading-[20px] whitespace-pre-wrap break-words"
    >
      {text.slice(0, offset)}
      {marks.length > 0 && (
        <mark data-pointer="" className="border-b-2 border-bad bg-bad-wash text-bad">
          {text.slice(offset, offset + 1) || ' ends here'}
        </mark>
      )}
      {text.slice(marks.length > 0 ? offset + 1 : offset)}
    </pre>
  );
}
