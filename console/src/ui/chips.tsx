import { type ClipboardEvent, type KeyboardEvent, useState } from 'react';
import { classNames } from './class-names.ts';
import { INPUT } from './field.tsx';
import { CloseIcon } from './icons.tsx';

/** Several values: each is taken with Enter or when the field is left, and pasted lines are one each. */
export function Chips({
  label,
  values,
  onChange,
  listId,
}: {
  label: string;
  values: string[];
  onChange: (values: string[]) => void;
  /** A datalist of values to offer. */
  listId?: string;
}) {
  const [typed, setTyped] = useState('');
  const add = (more: string[]) => onChange([...new Set([...values, ...more.filter((each) => each !== '')])]);
  const take = () => {
    if (typed === '') return;
    add([typed]);
    setTyped('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      take();
    } else if (event.key === 'Backspace' && typed === '') onChange(values.slice(0, -1));
  };
  const onPaste = (event: ClipboardEvent) => {
    const lines = event.clipboardData.getData('text').split(/\r?\n/);
    if (lines.length < 2) return;
    event.preventDefault();
    add(lines.map((line) => line.trim()));
  };
  return (
    <div className="flex min-w-0 flex-wrap items-center gap-1.5">
      {values.map((value) => (
        <button
          key={value}
          type="button"
          onClick={() => onChange(values.filter((each) => each !== value))}
          title={`Take ${value} away`}
          className="inline-flex h-7 max-w-full min-w-0 items-center gap-1 rounded-md bg-accent-wash px-2 text-data text-accent"
        >
          <span className="min-w-0 truncate">{value}</span>
          <CloseIcon size={12} />
        </button>
      ))}
      <input
        type="text"
        aria-label={label}
        placeholder={values.length === 0 ? 'Value, then Enter' : 'One more'}
        value={typed}
        list={listId}
        onChange={({ target }) => setTyped(target.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
        onBlur={take}
        className={classNames(INPUT, '!w-[150px]')}
        autoComplete="off"
        spellCheck={false}
      />
    </div>
  );
}
