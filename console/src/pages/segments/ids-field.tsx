/** Ids, pasted or read from a file. */
import { useId, useRef } from 'react';
import type { Level } from '../../rule/rule.ts';
import { Button } from '../../ui/button.tsx';
import { INPUT } from '../../ui/field.tsx';

export function IdsField({
  level,
  value,
  onChange,
  rows = 10,
}: {
  level: Level;
  value: string;
  onChange: (text: string) => void;
  rows?: number;
}) {
  const id = useId();
  const file = useRef<HTMLInputElement>(null);
  return (
    <div>
      <div className="mb-1 flex items-end justify-between gap-3">
        <label htmlFor={id} className="text-data font-medium">
          {level === 'user' ? 'User ids' : 'Company ids'}, one a line
        </label>
        <Button small onClick={() => file.current?.click()}>
          From a file
        </Button>
        <input
          ref={file}
          type="file"
          accept=".txt,.csv,text/plain,text/csv"
          aria-label="File of ids"
          className="hidden"
          onChange={async ({ target }) => {
            const chosen = target.files?.[0];
            if (chosen === undefined) return;
            onChange(await chosen.text());
            target.value = '';
          }}
        />
      </div>
      <textarea
        id={id}
        rows={rows}
        value={value}
        onChange={({ target }) => onChange(target.value)}
        placeholder={level === 'user' ? 'u-7\nu-12' : 'c-1\nc-4'}
        className={`${INPUT} mono !h-auto py-2 leading-[20px]`}
        autoComplete="off"
        spellCheck={false}
      />
      <p className="mt-1 text-data text-muted">
        Ids count exactly as they were sent. One that nobody has yet counts as soon as somebody has it.
      </p>
    </div>
  );
}
