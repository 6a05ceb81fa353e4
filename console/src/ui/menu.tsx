/** Menus: Radix for the keyboard and the roles, our look. Not modal, because its scroll lock adds a style sheet. */
import * as Radix from '@radix-ui/react-dropdown-menu';
import type { ReactNode } from 'react';
import { classNames } from './class-names.ts';
import { CheckIcon } from './icons.tsx';

export function Menu({
  trigger,
  children,
  align = 'start',
}: {
  trigger: ReactNode;
  children: ReactNode;
  align?: 'start' | 'end';
}) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="appear z-50 max-h-[70vh] min-w-[200px] overflow-y-auto rounded-lg bg-raised p-1 text-data shadow-float"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

const ITEM =
  'flex min-h-8 w-full items-center gap-2 rounded-md px-2 py-1 outline-none select-none data-[highlighted]:bg-hover data-[disabled]:text-muted cursor-pointer';

export function MenuItem({
  onSelect,
  children,
  danger,
  hint,
}: {
  onSelect: () => void;
  children: ReactNode;
  danger?: boolean;
  hint?: string;
}) {
  return (
    <Radix.Item onSelect={onSelect} className={classNames(ITEM, danger && 'text-bad')}>
      <span className="flex-1">{children}</span>
      {hint && <span className="text-muted">{hint}</span>}
    </Radix.Item>
  );
}

export function MenuChoice({
  checked,
  onSelect,
  children,
  stay,
}: {
  checked: boolean;
  onSelect: () => void;
  children: ReactNode;
  /** The menu stays open: more than one is usually chosen. */
  stay?: boolean;
}) {
  return (
    <Radix.CheckboxItem
      checked={checked}
      onSelect={(event) => {
        if (stay) event.preventDefault();
        onSelect();
      }}
      className={ITEM}
    >
      <span className="w-4 text-accent">{checked && <CheckIcon size={14} />}</span>
      <span className="flex-1">{children}</span>
    </Radix.CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className="px-2 pt-2 pb-1 text-small text-muted">{children}</Radix.Label>;
}

export function MenuLine() {
  return <Radix.Separator className="my-1 h-px bg-line" />;
}
