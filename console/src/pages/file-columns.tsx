/** What an import makes of each column of a file, before anything is sent. */
import { type Column, columnsOf } from '../text/columns.ts';
import { classNames } from '../ui/class-names.ts';

/** Longer fields are cut. */
const SAMPLE_CHARACTERS = 60;

function shown(sample: string): string {
  return sample.length > SAMPLE_CHARACTERS ? `${sample.slice(0, SAMPLE_CHARACTERS)}…` : sample;
}

/** Nothing for what is no table. */
export function FileColumns({ head }: { head: string }) {
  const columns = columnsOf(head);
  if (columns === null) return null;
  const leftOut = columns.filter(({ kind }) => kind === 'left out');
  return (
    <div className="mt-4 max-w-[720px]">
      {/* With a place in the order of the keyboard, so that a wide table can be scrolled with it. */}
      <section
        aria-label="Columns"
        tabIndex={0}
        className="max-h-[320px] overflow-auto rounded-lg border border-line"
      >
        <table className="w-full text-data">
          <thead className="text-left text-muted">
            <tr>
              <th className="px-3 py-1.5 font-medium">Column</th>
              <th className="px-3 py-1.5 font-medium">Becomes</th>
              <th className="px-3 py-1.5 font-medium">In the first row</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column, at) => (
              // By number: two may have one name, and none of them moves.
              <Row key={at} column={column} />
            ))}
          </tbody>
        </table>
      </section>
      {leftOut.length > 0 && (
        <p className="mt-2 text-data text-muted">
          What is left out is kept as a property when its column is called{' '}
          <code>{`metadata.${leftOut[0]?.name || 'name'}`}</code>.
        </p>
      )}
    </div>
  );
}

function Row({ column }: { column: Column }) {
  return (
    <tr className="border-t border-line">
      <td className="px-3 py-1.5 font-mono break-all">{column.name}</td>
      <td className={classNames('px-3 py-1.5', column.kind === 'left out' && 'text-warn')}>
        {column.becomes}
      </td>
      <td className="px-3 py-1.5 font-mono break-all text-muted">{shown(column.sample)}</td>
    </tr>
  );
}
