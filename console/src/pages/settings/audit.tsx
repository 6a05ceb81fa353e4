import { useInfiniteQuery } from '@tanstack/react-query';
import { auditQuery } from '../../api/settings.ts';
import type { AuditEntry } from '../../api/types.ts';
import { Section } from '../../frame/page.tsx';
import { useSession } from '../../frame/session.ts';
import { actorName, auditDetails, auditSentence } from '../../text/audit.ts';
import { Button } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Time } from '../../ui/time.tsx';

export function Audit() {
  const audit = useInfiniteQuery(auditQuery);
  const entries = audit.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <Section
      title="Audit"
      line="Every administrative act, from this console and from the command line, written in the same change as the act itself."
    >
      {audit.isPending && <Skeleton lines={6} />}
      {audit.error && <Failure cause={audit.error} retry={() => void audit.refetch()} />}
      <ol className={entries.length > 0 ? 'border-t border-line' : ''}>
        {entries.map((entry) => (
          <EntryRow key={entry.id} entry={entry} />
        ))}
      </ol>
      {audit.hasNextPage && (
        <div className="mt-4">
          <Button busy={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </Section>
  );
}

function EntryRow({ entry }: { entry: AuditEntry }) {
  const { environments } = useSession();
  const environment = environments.find(({ id }) => id === entry.environment)?.name;
  const details = auditDetails(entry);
  return (
    <li className="flex items-baseline gap-4 border-b border-line py-2 text-data">
      <div className="min-w-0 flex-1 break-words">
        <span className="font-medium">{actorName(entry.actor)}</span> {auditSentence(entry)}
        {environment && environments.length > 1 && <span className="text-muted"> in {environment}</span>}
        {details && <span className="block text-muted">{details}</span>}
      </div>
      <Time at={entry.at} className="shrink-0 text-muted" />
    </li>
  );
}
