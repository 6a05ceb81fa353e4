import { type ReactNode, useEffect, useId, useRef } from 'react';
import { IconButton } from './button.tsx';
import { classNames } from './class-names.ts';
import { CloseIcon } from './icons.tsx';

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** The palette wants neither the heading nor the padding. */
  bare?: boolean;
  wide?: boolean;
}

/**
 * A dialog while it is rendered. It is the browser's own: it holds the focus, makes the rest inert, closes on Escape and
 * gives the focus back, without a style sheet at run time that the Content-Security-Policy would refuse.
 */
export function Dialog({ title, onClose, children, bare, wide }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const headingId = useId();
  useEffect(() => {
    const dialog = element.current;
    if (dialog !== null && !dialog.open) {
      dialog.showModal();
      // The browser would begin with the cross that closes it.
      dialog.querySelector<HTMLElement>('input, select')?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={headingId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === element.current) onClose();
      }}
      className={classNames(
        'appear m-auto w-[calc(100vw-24px)] rounded-xl border-0 bg-raised p-0 shadow-float',
        bare ? 'mt-[12vh] max-w-[600px]' : wide ? 'max-w-[640px]' : 'max-w-[460px]',
      )}
    >
      <div className={bare ? '' : 'p-5'}>
        <div className={bare ? 'sr-only' : 'mb-3 flex items-start justify-between gap-4'}>
          <h2 id={headingId} className="text-[16px] leading-6 font-semibold">
            {title}
          </h2>
          {!bare && (
            <IconButton label="Close" className="-mt-1 -mr-2" onClick={onClose}>
              <CloseIcon />
            </IconButton>
          )}
        </div>
        {children}
      </div>
    </dialog>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>;
}
