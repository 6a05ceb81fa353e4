/** A call or a program to be copied, as it is: it scrolls rather than wraps, and the keyboard reaches it. */
export function Snippet({ label, text }: { label: string; text: string }) {
  return (
    <pre
      tabIndex={0}
      role="group"
      aria-label={label}
      className="scroll-thin overflow-x-auto rounded-lg border border-line bg-surface px-4 py-3 text-left leading-[20px]"
    >
      {text}
    </pre>
  );
}
