import { useEffect, useState } from 'react';
import { Button, IconButton } from './button.tsx';
import { CheckIcon, CopyIcon } from './icons.tsx';

/** The clipboard is closed to pages that came over plain HTTP from another machine; the older way still works there. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

function useCopy(text: string): [boolean, () => void] {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return [done, () => void copy(text).then(setDone)];
}

export function CopyButton({
  text,
  label = 'Copy',
  small = true,
}: {
  text: string;
  label?: string;
  small?: boolean;
}) {
  const [done, run] = useCopy(text);
  return (
    <Button small={small} onClick={run}>
      {done ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
      <span aria-live="polite">{done ? 'Copied' : label}</span>
    </Button>
  );
}

export function CopyIconButton({ text, what }: { text: string; what: string }) {
  const [done, run] = useCopy(text);
  return (
    <IconButton label={done ? 'Copied' : `Copy ${what}`} className="-my-1 size-7 self-center" onClick={run}>
      {done ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
    </IconButton>
  );
}

/** Text to be copied: a command, an address, a secret. */
export function Copyable({ text, what }: { text: string; what: string }) {
  return (
    <div className="flex min-w-0 items-center gap-1 rounded-md border border-line bg-surface py-0.5 pr-0.5 pl-2.5">
      <code className="min-w-0 flex-1 overflow-hidden text-ellipsis whitespace-nowrap" title={text}>
        {text}
      </code>
      <CopyIconButton text={text} what={what} />
    </div>
  );
}
