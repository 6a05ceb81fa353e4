import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import { sessionQuery } from '../../api/session.ts';
import { changeEnvironment, type EnvironmentPatch, makeEnvironment } from '../../api/settings.ts';
import type { Environment } from '../../api/types.ts';
import { Section } from '../../frame/page.tsx';
import { keepEnvironment, useEnvironment, useMay, useOrigin, useSession } from '../../frame/session.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field, SelectField } from '../../ui/field.tsx';
import { RawEvents } from './kept-events.tsx';

export function EnvironmentSettings() {
  const environment = useEnvironment();
  return (
    <div key={environment.id}>
      <Addresses environment={environment} />
      <NameAndRegion environment={environment} />
      <Zone environment={environment} />
      <Strictness environment={environment} />
      <RawEvents environment={environment} />
      <Environments />
    </div>
  );
}

function Addresses({ environment }: { environment: Environment }) {
  const origin = useOrigin();
  return (
    <Section
      title="Where calls go"
      line="One address for every environment; the key decides which one a call reaches."
    >
      <dl className="grid items-center gap-x-6 gap-y-2 sm:grid-cols-[140px_minmax(0,1fr)]">
        <Row name="Endpoint">
          <Copyable text={origin} what="the endpoint" />
        </Row>
        <Row name="App token">
          <Copyable text={environment.app_token} what="the app token" />
        </Row>
        <Row name="Region">{environment.region}</Row>
      </dl>
      <p className="mt-2 max-w-[68ch] text-data text-muted">
        The app token is public: it names this environment to browser and mobile SDKs and opens nothing by
        itself.
      </p>
    </Section>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

/** Changes an environment, and the session that shows it. */
export function useChangeEnvironment(id: number) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (patch: EnvironmentPatch) => changeEnvironment(id, patch),
    onSuccess: () => cache.invalidateQueries(sessionQuery),
  });
}

function NameAndRegion({ environment }: { environment: Environment }) {
  const isAdmin = useMay('admin');
  const changing = useChangeEnvironment(environment.id);
  const [entered, setEntered] = useState({ name: environment.name, region: environment.region });
  if (!isAdmin) return null;
  const isSame = entered.name === environment.name && entered.region === environment.region;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    changing.mutate(entered);
  };
  return (
    <Section title="Name and region" line="The region is a label for people: it moves no data.">
      <form
        onSubmit={submit}
        className="grid items-end gap-3 sm:grid-cols-[220px_160px_auto] sm:justify-start"
      >
        <Field
          label="Name"
          required
          maxLength={64}
          value={entered.name}
          onChange={({ target }) => setEntered({ ...entered, name: target.value })}
        />
        <Field
          label="Region"
          required
          maxLength={32}
          value={entered.region}
          onChange={({ target }) => setEntered({ ...entered, region: target.value })}
        />
        <Button type="submit" disabled={isSame} busy={changing.isPending}>
          Save
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

/** Where days begin; a browser knows the names of the zones. */
function Zone({ environment }: { environment: Environment }) {
  const isAdmin = useMay('admin');
  const changing = useChangeEnvironment(environment.id);
  const current = environment.time_zone;
  const zones = [...new Set([current, 'UTC', ...Intl.supportedValuesOf('timeZone')])].toSorted();
  return (
    <Section
      title="Time zone"
      line="Where the days of segments and reports begin, unless a question names another zone. A change counts at once, also for what was saved."
    >
      <SelectField
        label="Days begin in"
        className="max-w-[320px]"
        value={current}
        disabled={!isAdmin || changing.isPending}
        onChange={({ target }) => changing.mutate({ time_zone: target.value })}
      >
        {zones.map((zone) => (
          <option key={zone} value={zone}>
            {zone}
          </option>
        ))}
      </SelectField>
      {changing.error && (
        <div className="mt-3">
          <Failure cause={changing.error} />
        </div>
      )}
    </Section>
  );
}

type SettingName = keyof Environment['settings'];
const STRICTNESS: { name: SettingName; label: string; choices: [string, string][]; hint: string }[] = [
  {
    name: 'junk_ids',
    label: 'Ids such as null and undefined',
    choices: [
      ['take', 'Take them, with a warning'],
      ['refuse', 'Refuse the call'],
    ],
    hint: 'They come from variables that were never filled in, and put many people into one profile.',
  },
  {
    name: 'nested_values',
    label: 'Objects and lists as values',
    choices: [
      ['keep', 'Keep them as text, with a warning'],
      ['refuse', 'Refuse the call'],
    ],
    hint: 'Filters read a nested value as one text.',
  },
  {
    name: 'empty_company',
    label: 'A company without an id',
    choices: [
      ['refuse', 'Refuse the call'],
      ['ignore', 'Take the call without the company'],
    ],
    hint: 'One known client always sends an empty company.',
  },
];

function Strictness({ environment }: { environment: Environment }) {
  const isAdmin = useMay('admin');
  const changing = useChangeEnvironment(environment.id);
  return (
    <Section
      title="How strictly calls are read"
      line="A change counts from the next call on; what is stored stays as it is."
    >
      <div className="grid gap-4 sm:grid-cols-2">
        {STRICTNESS.map(({ name, label, choices, hint }) => (
          <SelectField
            key={name}
            label={label}
            hint={hint}
            disabled={!isAdmin || changing.isPending}
            value={environment.settings[name]}
            onChange={({ target }) => changing.mutate({ settings: { [name]: target.value } })}
          >
            {choices.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </SelectField>
        ))}
      </div>
      {changing.error && (
        <div className="mt-3">
          <Failure cause={changing.error} />
        </div>
      )}
    </Section>
  );
}

function Environments() {
  const { environments } = useSession();
  const isAdmin = useMay('admin');
  const [isMaking, setMaking] = useState(false);
  return (
    <Section
      title="Environments"
      line="Islands: keys, users and events of one are never seen from another."
      actions={isAdmin && <Button onClick={() => setMaking(true)}>New environment</Button>}
    >
      <ul className="border-t border-line">
        {environments.map(({ id, name, region }) => (
          <li key={id} className="flex items-center justify-between gap-4 border-b border-line py-2">
            <span className="min-w-0 truncate font-medium">{name}</span>
            <span className="text-data text-muted">{region}</span>
          </li>
        ))}
      </ul>
      {isMaking && <NewEnvironment onClose={() => setMaking(false)} />}
    </Section>
  );
}

function NewEnvironment({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [entered, setEntered] = useState({ name: '', region: '' });
  const making = useMutation({
    mutationFn: () => makeEnvironment({ name: entered.name, region: entered.region || undefined }),
    onSuccess: async ({ id }) => {
      await cache.refetchQueries(sessionQuery);
      keepEnvironment(id);
      onClose();
      await navigate({ to: '/settings/keys', search: { environment: id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    making.mutate();
  };
  return (
    <Dialog title="New environment" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <Field
          label="Name"
          required
          autoFocus
          maxLength={64}
          placeholder="Staging"
          value={entered.name}
          onChange={({ target }) => setEntered({ ...entered, name: target.value })}
          hint="Everything that is not called Production wears a coloured edge in this console."
        />
        <Field
          label="Region"
          maxLength={32}
          placeholder="local"
          value={entered.region}
          onChange={({ target }) => setEntered({ ...entered, region: target.value })}
        />
        {making.error && <Failure cause={making.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={making.isPending}>
            Make it
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
