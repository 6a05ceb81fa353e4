/** The segments of a person or a company, now or at a time gone by. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { segmentsOfQuery } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import type { Level } from '../../rule/rule.ts';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';

export function SegmentsOf({ level, id, asOf }: { level: Level; id: string; asOf?: string | undefined }) {
  const environment = useEnvironment();
  const segments = useQuery(segmentsOfQuery(environment.id, level, id, asOf));
  const items = segments.data?.items ?? [];
  const unknown = segments.data?.unknown ?? [];
  return (
    <section aria-label="Segments" className="mb-8">
      <div className="mb-2 flex items-baseline justify-between gap-2">
        <h2 className="text-[15px] leading-6 font-semibold">Segments</h2>
        <Link to="/segments" search={{}} className="link text-data">
          All segments
        </Link>
      </div>
      {segments.isPending && <Skeleton lines={2} />}
      {segments.error && (
        <Failure
          cause={segments.error}
          title="The segments could not be read"
          retry={() => void segments.refetch()}
        />
      )}
      {segments.data !== undefined && items.length === 0 && (
        <p className="text-data text-muted">In none of the segments {asOf === undefined ? 'now' : 'then'}.</p>
      )}
      {items.length > 0 && (
        <ul className="text-data">
          {items.map((segment) => (
            <li
              key={segment.id}
              className="flex justify-between gap-3 border-t border-line py-1.5 first:border-t-0"
            >
              <Link
                to="/segments/$id"
                params={{ id: String(segment.id) }}
                search={{ as_of: asOf }}
                className="min-w-0 truncate hover:text-accent"
              >
                {segment.name}
              </Link>
              <Link
                to="/segments/$id"
                params={{ id: String(segment.id) }}
                search={{ explain: id, as_of: asOf }}
                className="link shrink-0"
                aria-label={`Why in ${segment.name}`}
              >
                why?
              </Link>
            </li>
          ))}
        </ul>
      )}
      {unknown.length > 0 && (
        <p className="mt-2 text-data text-muted">
          Not known of {unknown.map((segment) => segment.name).join(', ')}: who was on a list is not kept.
        </p>
      )}
    </section>
  );
}
