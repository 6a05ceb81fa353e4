import { useEffect, useRef, useState } from 'react';
import { useKeys } from '../keyboard/keys.ts';
import { classNames } from './class-names.ts';
import { INPUT } from './field.tsx';
import { SearchIcon } from './icons.tsx';
import { useSettled } from './settled.ts';

/** Searches while one types; `/` goes there, Escape empties it and goes back. */
export function SearchBox({
  label,
  value,
  onSearch,
  className,
}: {
  label: string;
  value: string;
  onSearch: (text: string) => void;
  className?: string;
}) {
  const [typed, setTyped] = useState(value);
  const settled = useSettled(typed);
  const input = useRef<HTMLInputElement>(null);
  const said = useRef(value);
  useEffect(() => {
    if (settled === said.current) return;
    said.current = settled;
    onSearch(settled);
  }, [settled, onSearch]);
  // The address changed by other means: back and forward.
  useEffect(() => {
    if (value === said.current) return;
    said.current = value;
    setTyped(value);
  }, [value]);
  useKeys({ '/': () => input.current?.focus() });
  return (
    <div className={classNames('relative text-muted', className)}>
      <span className="pointer-events-none absolute top-2 left-2.5">
        <SearchIcon />
      </span>
      <input
        ref={input}
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={label}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setTyped('');
          input.current?.blur();
        }}
        className={classNames(INPUT, 'pl-8')}
        autoComplete="off"
        spellCheck={false}
      />
    </div>
  );
}
