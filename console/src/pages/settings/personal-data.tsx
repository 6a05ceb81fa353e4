import { type FormEvent, useState } from 'react';
import { Section } from '../../frame/page.tsx';
import { useEnvironment } from '../../frame/session.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field } from '../../ui/field.tsx';
import { useChangeEnvironment } from './environment.tsx';

/** Which properties are personal data, and so hidden from viewers. */
export function PersonalData() {
  const environment = useEnvironment();
  const changing = useChangeEnvironment(environment.id);
  const [typed, setTyped] = useState('');
  const names = environment.pii_properties;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const name = typed.trim();
    if (name === '' || names.includes(name)) return;
    changing.mutate({ pii_properties: [...names, name] }, { onSuccess: () => setTyped('') });
  };
  return (
    <Section
      title="Personal data"
      line="Viewers see ••• in place of these properties, of users, companies and events alike, and cannot search by them. They never see bodies of calls. Everybody else sees the values."
    >
      <ul className="border-t border-line">
        {names.map((name) => (
          <li key={name} className="flex items-center justify-between gap-4 border-b border-line py-1">
            <code className="min-w-0 break-words">{name}</code>
            <Button
              small
              look="quiet"
              disabled={changing.isPending}
              onClick={() => changing.mutate({ pii_properties: names.filter((each) => each !== name) })}
            >
              Show<span className="sr-only"> {name}</span> to viewers
            </Button>
          </li>
        ))}
        {names.length === 0 && (
          <li className="border-b border-line py-3 text-muted">Viewers see every property.</li>
        )}
      </ul>
      <form onSubmit={submit} className="mt-4 flex max-w-[420px] items-end gap-2">
        <Field
          label="Name of a property"
          placeholder="passport_number"
          className="flex-1"
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <Button type="submit" disabled={typed.trim() === ''} busy={changing.isPending}>
          Hide from viewers
        </Button>
      </form>
      {changing.error && (
        <div className="mt-3">
          <Failure cause={changing.error} />
        </div>
      )}
    </Section>
  );
}
