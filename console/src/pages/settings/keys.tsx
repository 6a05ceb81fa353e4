import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { callsQuery } from '../../api/calls.ts';
import { keysQuery, makeKey, revokeKey, testKey } from '../../api/settings.ts';
import type { Key, MadeKey, Scope } from '../../api/types.ts';
import { Section } from '../../frame/page.tsx';
import { useEnvironment, useMay } from '../../frame/session.ts';
import { count } from '../../text/number.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { classNames } from '../../ui/class-names.ts';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Checkbox, Field } from '../../ui/field.tsx';
import { ChevronIcon, MoreIcon } from '../../ui/icons.tsx';
import { Menu, MenuItem, MenuLine } from '../../ui/menu.tsx';
import { State, Status } from '../../ui/status.tsx';
import { Time } from '../../ui/time.tsx';

const SCOPES: { name: Scope; does: string }[] = [
  { name: 'ingest', does: 'Send users, companies and events' },
  { name: 'read', does: 'Read users, companies, events and the ledger' },
  { name: 'admin', does: 'Read the ledger; run jobs, when they are there' },
  { name: 'erase', does: 'Delete users and companies for good, when deletion is there' },
];

type Open =
  | { what: 'make' }
  | { what: 'rotate' | 'revoke' | 'test'; key: Key }
  | { what: 'secret'; made: MadeKey };

export function Keys() {
  const environment = useEnvironment();
  const isAdmin = useMay('admin');
  const keys = useQuery(keysQuery(environment.id));
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const showSecret = (made: MadeKey) => setOpen({ what: 'secret', made });
  const live = keys.data?.data.filter(({ status }) => status === 'live') ?? [];
  const over = keys.data?.data.filter(({ status }) => status !== 'live') ?? [];
  return (
    <>
      <Section
        title="API keys"
        line={`Each opens ${environment.name} and nothing else. Secrets are shown once and kept only as hashes.`}
        actions={
          isAdmin && (
            <Button look="primary" onClick={() => setOpen({ what: 'make' })}>
              New key
            </Button>
          )
        }
      >
        {keys.isPending && <Skeleton lines={4} />}
        {keys.error && <Failure cause={keys.error} retry={() => void keys.refetch()} />}
        {keys.data && live.length === 0 && (
          <Empty title="No key opens this environment">
            Calls need a key. {isAdmin ? 'Make one and put it into your product.' : 'Ask an admin for one.'}
          </Empty>
        )}
        <KeyList keys={live} mayChange={isAdmin} onOpen={setOpen} />
      </Section>
      {over.length > 0 && (
        <Section
          title="Revoked and expired"
          line="They open nothing. They stay listed because the ledger names them."
        >
          <KeyList keys={over} mayChange={false} onOpen={setOpen} />
        </Section>
      )}
      <TestAnyKey />
      {open?.what === 'make' && <NewKeyDialog onClose={close} onMade={showSecret} />}
      {open?.what === 'rotate' && <RotateDialog replaced={open.key} onClose={close} onMade={showSecret} />}
      {open?.what === 'revoke' && <RevokeDialog revoked={open.key} onClose={close} />}
      {open?.what === 'secret' && <SecretDialog made={open.made} onClose={close} />}
    </>
  );
}

function KeyList({
  keys,
  mayChange,
  onOpen,
}: {
  keys: Key[];
  mayChange: boolean;
  onOpen: (open: Open) => void;
}) {
  const { key: opened } = useSearch({ from: '/frame/settings/keys' });
  const navigate = useNavigate({ from: '/settings/keys' });
  const toggle = (id: number) =>
    void navigate({
      search: (before) => ({ ...before, key: opened === id ? undefined : id }),
      replace: true,
    });
  return (
    <ul className={keys.length > 0 ? 'border-t border-line' : ''}>
      {keys.map((key) => (
        <li key={key.id} className="border-b border-line py-2.5">
          <div className="flex items-center gap-2">
            <button
              type="button"
              aria-expanded={opened === key.id}
              onClick={() => toggle(key.id)}
              className="grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-5 rounded-md text-left sm:grid-cols-[minmax(0,1fr)_190px_120px_16px]"
            >
              <span className="min-w-0">
                <span className="block truncate font-medium">{key.name}</span>
                <span className="mono block text-muted">…{key.hint}</span>
              </span>
              <span className="text-data text-muted max-sm:hidden">{key.scopes.join(', ')}</span>
              <span className="text-right text-data text-muted sm:text-left">
                {key.status === 'live' ? (
                  key.last_used_at ? (
                    <>
                      used <Time at={key.last_used_at} />
                    </>
                  ) : (
                    'not used yet'
                  )
                ) : (
                  <State tone="muted">{key.status}</State>
                )}
              </span>
              <span className={classNames('text-muted max-sm:hidden', opened === key.id && 'rotate-180')}>
                <ChevronIcon size={14} />
              </span>
            </button>
            {mayChange && (
              <Menu
                align="end"
                trigger={
                  <IconButton label={`Actions for ${key.name}`}>
                    <MoreIcon />
                  </IconButton>
                }
              >
                <MenuItem onSelect={() => onOpen({ what: 'rotate', key })}>Replace by a new key</MenuItem>
                <MenuLine />
                <MenuItem danger onSelect={() => onOpen({ what: 'revoke', key })}>
                  Revoke
                </MenuItem>
              </Menu>
            )}
          </div>
          {opened === key.id && <KeyDetail apiKey={key} />}
        </li>
      ))}
    </ul>
  );
}

function KeyDetail({ apiKey: key }: { apiKey: Key }) {
  const environment = useEnvironment();
  const refused = useQuery(callsQuery(environment.id, { key: key.id, status: 'refused' }, 5));
  return (
    <div className="appear mt-2 pb-1 text-data">
      <ul className="flex flex-wrap gap-x-8 gap-y-1 text-muted">
        <li>
          Made <Time at={key.created_at} className="text-ink" />
        </li>
        <li className="sm:hidden">May: {key.scopes.join(', ')}</li>
        {key.expires_at && (
          <li>
            Ends <Time at={key.expires_at} className="text-ink" />
          </li>
        )}
        {key.revoked_at && (
          <li>
            Revoked <Time at={key.revoked_at} className="text-ink" />
          </li>
        )}
        <li>
          {key.calls_per_minute_max === null || key.calls_per_minute_max === undefined
            ? 'No limit of calls'
            : `At most ${count(key.calls_per_minute_max)} calls a minute`}
        </li>
      </ul>
      <div className="mt-3 flex items-baseline justify-between gap-4">
        <h3 className="font-medium">Last refused calls</h3>
        <Link to="/live" search={{ key: key.id }} className="link">
          All of its calls
        </Link>
      </div>
      {refused.data?.data.length === 0 && (
        <p className="py-1 text-muted">None of the newest calls with it was refused.</p>
      )}
      {refused.isPending && <Skeleton lines={2} />}
      <ul>
        {refused.data?.data.map((call) => (
          <li key={call.sequence}>
            <Link
              to="/live"
              search={{ key: key.id, status: 'refused', call: call.sequence }}
              className="-mx-2 flex items-baseline gap-2.5 rounded-md px-2 py-1 hover:bg-hover"
            >
              <Status status={call.status} />
              <span className="min-w-0 flex-1 truncate">
                {call.errors[0]?.message.replaceAll('`', '') ?? call.path}
              </span>
              <Time at={call.at} className="shrink-0 text-muted" />
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface MakingProps {
  onClose: () => void;
  onMade: (made: MadeKey) => void;
}

function useMakeKey(onMade: (made: MadeKey) => void) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (key: Parameters<typeof makeKey>[1]) => makeKey(environment.id, key),
    onSuccess: (made) => {
      void cache.invalidateQueries(keysQuery(environment.id));
      onMade(made);
    },
  });
}

function NewKeyDialog({ onClose, onMade }: MakingProps) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['ingest']);
  const [limit, setLimit] = useState('');
  const making = useMakeKey(onMade);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    making.mutate({ name, scopes, calls_per_minute_max: limit === '' ? undefined : Number(limit) });
  };
  return (
    <Dialog title="New key" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <Field
          label="Name"
          required
          autoFocus
          maxLength={64}
          placeholder="Backend"
          value={name}
          onChange={({ target }) => setName(target.value)}
          hint="Who will use it, so that everybody knows what breaks when it is revoked."
        />
        <fieldset>
          <legend className="mb-1 text-data font-medium">It may</legend>
          {SCOPES.map((scope) => (
            <Checkbox
              key={scope.name}
              label={scope.name}
              hint={scope.does}
              checked={scopes.includes(scope.name)}
              onChange={({ target }) =>
                setScopes(
                  target.checked ? [...scopes, scope.name] : scopes.filter((each) => each !== scope.name),
                )
              }
            />
          ))}
        </fieldset>
        <Field
          label="Calls a minute, at most"
          type="number"
          min={1}
          max={4_000_000_000}
          placeholder="no limit"
          value={limit}
          onChange={({ target }) => setLimit(target.value)}
        />
        {making.error && <Failure cause={making.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={scopes.length === 0} busy={making.isPending}>
            Make the key
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function RotateDialog({ replaced, onClose, onMade }: MakingProps & { replaced: Key }) {
  const [hours, setHours] = useState('24');
  const making = useMakeKey(onMade);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    making.mutate({
      name: replaced.name,
      scopes: replaced.scopes,
      calls_per_minute_max: replaced.calls_per_minute_max ?? undefined,
      replaces: replaced.id,
      overlap_hours: Number(hours),
    });
  };
  return (
    <Dialog title={`Replace ${replaced.name}`} onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <p>
          A new key with the same name and rights is made now. The old one, …{replaced.hint}, goes on working
          for a while, so that you can put the new one in place without losing a call.
        </p>
        <Field
          label="Hours in which both work"
          type="number"
          min={0}
          max={8760}
          required
          value={hours}
          onChange={({ target }) => setHours(target.value)}
          hint="With 0 the old key ends at once."
        />
        {making.error && <Failure cause={making.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={making.isPending}>
            Make the new key
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function RevokeDialog({ revoked, onClose }: { revoked: Key; onClose: () => void }) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  return (
    <ConfirmByName
      title={`Revoke ${revoked.name}`}
      name={revoked.name}
      action="Revoke the key"
      run={async () => {
        await revokeKey(environment.id, revoked.id);
        await cache.invalidateQueries(keysQuery(environment.id));
      }}
      onClose={onClose}
    >
      <p>From the next call on everything that uses this key is refused. It cannot be undone.</p>
      <p>
        {revoked.last_used_at ? (
          <>
            It was last used <Time at={revoked.last_used_at} className="font-medium" />.
          </>
        ) : (
          'It was never used.'
        )}
      </p>
    </ConfirmByName>
  );
}

function SecretDialog({ made, onClose }: { made: MadeKey; onClose: () => void }) {
  return (
    <Dialog title={`The key ${made.key.name}`} onClose={onClose}>
      <p className="mb-3">Copy the secret now. It is shown this once; only its hash is kept.</p>
      <Copyable text={made.secret} what="the secret" />
      <KeyTest secret={made.secret} />
      {made.replaced?.expires_at && (
        <p className="mt-3 text-data text-muted">
          The key it replaces, …{made.replaced.hint}, ends <Time at={made.replaced.expires_at} />.
        </p>
      )}
      <DialogActions>
        <Button look="primary" onClick={onClose}>
          I have copied it
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** Sends the key itself, as a client would: what is tested is the key and the way to the server. */
function KeyTest({ secret, label = 'Test this key' }: { secret: string; label?: string }) {
  const testing = useMutation({ mutationFn: () => testKey(secret) });
  return (
    <div className="mt-3" aria-live="polite">
      <Button small disabled={secret.trim() === ''} busy={testing.isPending} onClick={() => testing.mutate()}>
        {label}
      </Button>
      {testing.data && (
        <p className="mt-2">
          <State tone="good">It works</State>
          <span className="text-data text-muted">
            {' '}
            Request <code>{testing.data.requestId}</code>
          </span>
        </p>
      )}
      {testing.error && (
        <div className="mt-2">
          <Failure cause={testing.error} title="This key opens nothing" />
        </div>
      )}
    </div>
  );
}

function TestAnyKey() {
  const [secret, setSecret] = useState('');
  return (
    <Section
      title="Test a key"
      line="Paste a key to see whether it opens something. It is sent to this server and nowhere else, and not kept."
    >
      <div className="max-w-[420px]">
        <Field
          label="Key"
          type="password"
          autoComplete="off"
          value={secret}
          onChange={({ target }) => setSecret(target.value)}
        />
        <KeyTest key={secret} secret={secret} label="Test" />
      </div>
    </Section>
  );
}
