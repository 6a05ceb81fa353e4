/** Chooses an event out of those that happened. */
import { useQuery } from '@tanstack/react-query';
import { eventNamesQuery } from '../../api/history.ts';
import { useEnvironment } from '../../frame/session.ts';
import { eventTitle } from '../../text/history.ts';
import { viewerTimeZone } from '../../text/time.ts';
import { INPUT } from '../../ui/field.tsx';

/** An event by its kind and, where its kind has names, its name; neither, when nothing was chosen. */
export interface ChosenEvent {
  kind: string;
  name: string;
}
const choiceOf = ({ kind, name }: ChosenEvent) => JSON.stringify([kind, name]);

export function useEventNames() {
  const environment = useEnvironment();
  return useQuery(eventNamesQuery(environment.id, viewerTimeZone())).data?.data ?? [];
}

export function EventChoice({
  label,
  chosen,
  onChange,
  extra,
  className = '',
}: {
  label: string;
  chosen: ChosenEvent;
  onChange: (event: ChosenEvent) => void;
  /** A choice that is none of the events, above them. */
  extra?: { kind: string; title: string };
  className?: string;
}) {
  const names = useEventNames();
  const isChosen = chosen.kind !== '' && !(chosen.kind === 'track' && chosen.name === '');
  const value = isChosen ? choiceOf(chosen) : '';
  const events = names
    .map(({ event_type, event_name }) => ({
      value: choiceOf({ kind: event_type, name: event_name }),
      title: eventTitle(event_type, event_name),
      isNamed: event_name !== '',
    }))
    .toSorted((a, b) => Number(b.isNamed) - Number(a.isNamed) || a.title.localeCompare(b.title));
  const extraValue = extra && choiceOf({ kind: extra.kind, name: '' });
  const isKnown = value === '' || value === extraValue || events.some((event) => event.value === value);
  return (
    <select
      aria-label={label}
      value={value}
      onChange={({ target }) => {
        const [kind = '', name = ''] = JSON.parse(target.value) as string[];
        onChange({ kind, name });
      }}
      className={`${INPUT} ${className}`}
    >
      {value === '' && <option value="">Choose an event</option>}
      {extra && <option value={extraValue}>{extra.title}</option>}
      {!isKnown && <option value={value}>{eventTitle(chosen.kind, chosen.name)}</option>}
      {events.map((event) => (
        <option key={event.value} value={event.value}>
          {event.title}
        </option>
      ))}
    </select>
  );
}
