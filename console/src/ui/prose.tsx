/** A sentence of the server's, in which names of fields stand between backticks. */
export function Prose({ text }: { text: string }) {
  return text.split('`').map((part, index) =>
    index % 2 === 1 ? (
      <code key={`${index} ${part}`} className="break-words">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
