/** Has a person or a company forgotten, after saying what that means and asking for the name. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { type ErasedKind, erase, wouldEraseQuery } from '../api/erasures.ts';
import type { WouldErase } from '../api/types.ts';
import { useEnvironment, useMay } from '../frame/session.ts';
import { countOf } from '../text/number.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmByName } from '../ui/confirm.tsx';
import { Checkbox } from '../ui/field.tsx';

interface Props {
  kind: ErasedKind;
  id: string;
  name: string | null;
}

/** The button, for those who may. */
export function DeleteProfile(props: Props) {
  const mayErase = useMay('admin');
  const [isAsked, setAsked] = useState(false);
  if (!mayErase) return null;
  return (
    <>
      <Button look="danger" onClick={() => setAsked(true)}>
        Delete
      </Button>
      {isAsked && <Ask {...props} onClose={() => setAsked(false)} />}
    </>
  );
}

function Ask({ kind, id, name, onClose }: Props & { onClose: () => void }) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [suppress, setSuppress] = useState(false);
  const would = useQuery(wouldEraseQuery(environment.id, kind, id));
  const run = async () => {
    const erasure = await erase(environment.id, kind, id, suppress);
    await navigate({ to: '/jobs/erasures/$id', params: { id: erasure }, search: {} });
    // Whatever was read before may show them.
    queries.removeQueries({ type: 'inactive', predicate: ({ queryKey }) => queryKey[0] !== 'session' });
  };
  return (
    <ConfirmByName
      title={`Delete ${name ?? id}?`}
      name={id}
      otherName={name}
      action="Delete for good"
      run={run}
      onClose={onClose}
      choices={
        <Checkbox
          label="Refuse this id in future"
          hint="Calls about it are still answered as taken, and nothing of them is kept."
          checked={suppress}
          onChange={({ target }) => setSuppress(target.checked)}
        />
      }
    >
      <p>
        {kind === 'users' ? 'The person' : 'The company'} disappears from every list, search and number at
        once. Then what was received so far is removed from every file on the server&rsquo;s disk, and a
        certificate says what was removed and that a second look found nothing. Nobody can bring it back.
      </p>
      <p className="figures" role="status">
        {would.data ? lossOf(kind, would.data) : would.error ? '' : 'Counting what would go…'}
      </p>
      {kind === 'companies' && <p>Its users stay, and belong to no company.</p>}
      {!suppress && <p className="text-muted">A later call about the same id begins anew.</p>}
    </ConfirmByName>
  );
}

/** What goes, in numbers. */
function lossOf(kind: ErasedKind, { events, members }: WouldErase): string {
  const gone = `${countOf(events, 'event')} ${events === 1 ? 'goes' : 'go'} with it`;
  if (kind === 'users') return `${gone}. Of events that name a company, what they said of it stays.`;
  return `${gone}, and ${countOf(members, 'user')} ${members === 1 ? 'loses' : 'lose'} the company.`;
}
