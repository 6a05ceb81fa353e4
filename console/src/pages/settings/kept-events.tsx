import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { keptEventsQuery } from '../../api/settings.ts';
import type { Environment, KeptEvents, WouldDropEvents } from '../../api/types.ts';
import { Section } from '../../frame/page.tsx';
import { useMay } from '../../frame/session.ts';
import { type Days, goingNames, goingWords, isLoss, keptWords } from '../../text/kept-events.ts';
import { countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Failure } from '../../ui/failure.tsx';
import { SelectField } from '../../ui/field.tsx';
import { NumberField } from '../../ui/number-field.tsx';
import { useSettled } from '../../ui/settled.ts';
import { Time } from '../../ui/time.tsx';
import { useChangeEnvironment } from './environment.tsx';

/** As the server has it. */
const DAYS = { min: 1, max: 3_660 };
/** What stands there before somebody chooses. */
const DAYS_FIRST = 365;

/** For how long raw events are kept, with what would go before anybody says so. */
export function RawEvents({ environment }: { environment: Environment }) {
  const isAdmin = useMay('admin');
  return (
    <Section
      title="Raw events"
      line="Events may be dropped some days after they arrived, whenever they happened. Profiles, companies and the counts of calls stay."
    >
      {isAdmin ? (
        <Choice environment={environment} />
      ) : (
        <p className="figures">{keptWords(environment.keep_events_days)}</p>
      )}
    </Section>
  );
}

function Choice({ environment }: { environment: Environment }) {
  const current = environment.keep_events_days;
  const changing = useChangeEnvironment(environment.id);
  const [isForGood, setForGood] = useState(current === null);
  const [days, setDays] = useState(current ?? DAYS_FIRST);
  const [isAsked, setAsked] = useState(false);
  const wanted: Days = isForGood ? null : days;
  const settled = useSettled(String(wanted ?? ''));
  const kept = useQuery(keptEventsQuery(environment.id, settled === '' ? null : Number(settled)));
  const patch = { keep_events_days: wanted ?? 0 };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isLoss(current, wanted)) setAsked(true);
    else changing.mutate(patch);
  };
  const isCounted = settled === String(wanted ?? '') && kept.data !== undefined;
  const would = isCounted ? kept.data.would_drop : null;
  return (
    <>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <SelectField
          label="Keep events"
          className="w-[180px]"
          value={isForGood ? 'good' : 'days'}
          onChange={({ target }) => setForGood(target.value === 'good')}
        >
          <option value="good">For good</option>
          <option value="days">For some days</option>
        </SelectField>
        {!isForGood && (
          <span className="flex items-center gap-2">
            <NumberField label="Days" value={days} onChange={setDays} {...DAYS} />
            days after they arrived
          </span>
        )}
        <Button type="submit" disabled={wanted === current} busy={changing.isPending}>
          Save
        </Button>
      </form>
      <div role="status" className="figures mt-3 max-w-[68ch] space-y-1">
        {kept.data && <Standing kept={kept.data} />}
        {wanted !== null && !kept.error && <Going would={would} />}
      </div>
      {(kept.error ?? changing.error) && (
        <div className="mt-3">
          <Failure cause={kept.error ?? changing.error} />
        </div>
      )}
      {isAsked && wanted !== null && (
        <ConfirmByName
          title={`Drop events of ${environment.name} after ${countOf(wanted, 'day')}?`}
          name={environment.name}
          action="Drop them for good"
          run={() => changing.mutateAsync(patch)}
          onClose={() => setAsked(false)}
        >
          <p>
            Events that arrived more than {countOf(wanted, 'day')} ago are dropped from the log and from
            history within a day, and so from now on every day. Nobody can bring them back.
          </p>
          <div role="status" className="figures space-y-1">
            <Going would={would} />
          </div>
          <p>
            Profiles, companies and the counts of calls stay. Reports, timelines and exports know only of
            events that are kept.
          </p>
        </ConfirmByName>
      )}
    </>
  );
}

/** What there is. */
function Standing({ kept }: { kept: KeptEvents }) {
  return (
    <p className="text-muted">
      {kept.known_since && (
        <>
          Events that arrived until <Time at={kept.known_since} /> were dropped.{' '}
        </>
      )}
      {kept.oldest_received_at ? (
        <>
          The oldest event arrived <Time at={kept.oldest_received_at} />.
        </>
      ) : (
        'There is no event.'
      )}
    </p>
  );
}

/** What would go; null while it is counted. */
function Going({ would }: { would: WouldDropEvents | null | undefined }) {
  if (!would) return <p>Counting what would go…</p>;
  return (
    <>
      <p>{goingWords(would)}</p>
      {would.events > 0 && <p className="break-words text-muted">{goingNames(would)}</p>}
    </>
  );
}
