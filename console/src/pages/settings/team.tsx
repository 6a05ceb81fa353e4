import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { changeRole, invite, removeMember, teamQuery, withdrawInvitation } from '../../api/settings.ts';
import type { Invitation, Member, Role } from '../../api/types.ts';
import { Section } from '../../frame/page.tsx';
import { useMay, useSession } from '../../frame/session.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Dialog, DialogActions } from '../../ui/dialog.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field, INPUT } from '../../ui/field.tsx';
import { MoreIcon } from '../../ui/icons.tsx';
import { Menu, MenuItem } from '../../ui/menu.tsx';
import { Time, useNow } from '../../ui/time.tsx';

const ROLES: { role: Role; title: string; may: string }[] = [
  { role: 'viewer', title: 'Viewer', may: 'Reads users and companies; personal data is hidden' },
  { role: 'analyst', title: 'Analyst', may: 'Reads everything, bodies of calls and personal data included' },
  { role: 'admin', title: 'Admin', may: 'Also keys, environments, the team and the audit' },
  { role: 'owner', title: 'Owner', may: 'Also other owners' },
];

export function Team() {
  const team = useQuery(teamQuery);
  const cache = useQueryClient();
  const [isInviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const refresh = () => cache.invalidateQueries(teamQuery);
  const changing = useMutation({
    mutationFn: ({ id, role }: { id: number; role: Role }) => changeRole(id, role),
    onSettled: refresh,
  });
  return (
    <>
      <Section
        title="Team"
        actions={
          <Button look="primary" onClick={() => setInviting(true)}>
            Invite
          </Button>
        }
      >
        {changing.error && (
          <div className="mb-3">
            <Failure cause={changing.error} title="The role was not changed" />
          </div>
        )}
        {team.isPending && <Skeleton lines={4} />}
        {team.error && <Failure cause={team.error} retry={() => void team.refetch()} />}
        <ul className={team.data ? 'border-t border-line' : ''}>
          {team.data?.data.map((member) => (
            <MemberRow
              key={member.id}
              member={member}
              onRole={(role) => changing.mutate({ id: member.id, role })}
              onRemove={() => setRemoving(member)}
            />
          ))}
        </ul>
      </Section>
      {team.data && team.data.invitations.length > 0 && (
        <Section
          title="Invited"
          line="Each link works once. A lost link cannot be shown again: withdraw it and invite anew."
        >
          <ul className="border-t border-line">
            {team.data.invitations.map((invitation) => (
              <InvitationRow key={invitation.id} invitation={invitation} onChanged={refresh} />
            ))}
          </ul>
        </Section>
      )}
      {isInviting && <InviteDialog onClose={() => setInviting(false)} onMade={refresh} />}
      {removing && (
        <ConfirmByName
          title={`Remove ${removing.name}`}
          name={removing.name}
          action="Remove"
          run={async () => {
            await removeMember(removing.id);
            await refresh();
          }}
          onClose={() => setRemoving(null)}
        >
          <p>
            {removing.name} ({removing.email}) is signed out at once and cannot come back without a new
            invitation. What they did stays in the audit.
          </p>
        </ConfirmByName>
      )}
    </>
  );
}

function MemberRow({
  member,
  onRole,
  onRemove,
}: {
  member: Member;
  onRole: (role: Role) => void;
  onRemove: () => void;
}) {
  const { member: me } = useSession();
  const isOwner = useMay('owner');
  const isMe = member.id === me.id;
  const mayChange = !isMe && (isOwner || member.role !== 'owner');
  return (
    <li className="flex items-center gap-4 border-b border-line py-2.5">
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium">
          {member.name} {isMe && <span className="font-normal text-muted">(you)</span>}
        </p>
        <p className="truncate text-data text-muted">{member.email}</p>
      </div>
      <p className="w-[120px] shrink-0 text-data text-muted max-sm:hidden">
        <Seen at={member.last_seen_at} />
      </p>
      {mayChange ? (
        <select
          aria-label={`Role of ${member.name}`}
          value={member.role}
          onChange={({ target }) => onRole(target.value as Role)}
          className={`${INPUT} !w-[104px]`}
        >
          {ROLES.filter(({ role }) => isOwner || role !== 'owner').map(({ role, title }) => (
            <option key={role} value={role}>
              {title}
            </option>
          ))}
        </select>
      ) : (
        <span className="shrink-0 text-data sm:w-[104px] sm:px-2.5">
          {ROLES.find(({ role }) => role === member.role)?.title}
        </span>
      )}
      {mayChange ? (
        <Menu
          align="end"
          trigger={
            <IconButton label={`Actions for ${member.name}`}>
              <MoreIcon />
            </IconButton>
          }
        >
          <MenuItem danger onSelect={onRemove}>
            Remove
          </MenuItem>
        </Menu>
      ) : (
        <span className="w-8 max-sm:hidden" />
      )}
    </li>
  );
}

/** The server notes it to the hour, so nothing finer is claimed. */
function Seen({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return 'never here';
  return now - Date.parse(at) < 2 * 3_600_000 ? (
    'here within 2 hours'
  ) : (
    <>
      here <Time at={at} />
    </>
  );
}

function InvitationRow({ invitation, onChanged }: { invitation: Invitation; onChanged: () => void }) {
  const withdrawing = useMutation({
    mutationFn: () => withdrawInvitation(invitation.id),
    onSuccess: onChanged,
  });
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line py-2">
      <div className="min-w-0">
        <p className="truncate">
          {invitation.email ?? 'Whoever has the link'}{' '}
          <span className="text-muted">as {invitation.role}</span>
        </p>
        <p className="text-data text-muted">
          {invitation.invited_by && `invited by ${invitation.invited_by}, `}ends{' '}
          <Time at={invitation.expires_at} />
        </p>
      </div>
      <Button small busy={withdrawing.isPending} onClick={() => withdrawing.mutate()}>
        Withdraw
      </Button>
      {withdrawing.error && <Failure cause={withdrawing.error} />}
    </li>
  );
}

function InviteDialog({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [role, setRole] = useState<Role>('analyst');
  const [email, setEmail] = useState('');
  const isOwner = useMay('owner');
  const inviting = useMutation({ mutationFn: () => invite(role, email || undefined), onSuccess: onMade });
  if (inviting.data) {
    return (
      <Dialog title="The invitation" onClose={onClose}>
        <p className="mb-3">
          Send this link {email ? `to ${email}` : 'to whom you invite'}: Muster sends no e-mail. It works
          once, until <Time at={inviting.data.expires_at} />, and is not shown again.
        </p>
        <Copyable text={inviting.data.link} what="the link" />
        <DialogActions>
          <Button look="primary" onClick={onClose}>
            I have copied it
          </Button>
        </DialogActions>
      </Dialog>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    inviting.mutate();
  };
  return (
    <Dialog title="Invite" onClose={onClose}>
      <form onSubmit={submit} className="space-y-4">
        <Field
          label="E-mail"
          type="email"
          autoFocus
          placeholder="not required"
          value={email}
          onChange={({ target }) => setEmail(target.value)}
          hint="With an e-mail only that address can join with the link."
        />
        <fieldset>
          <legend className="mb-1 text-data font-medium">Role</legend>
          {ROLES.filter((each) => isOwner || each.role !== 'owner').map((each) => (
            <label key={each.role} className="flex items-start gap-2.5 py-1">
              <input
                type="radio"
                name="role"
                className="mt-[3px] size-4 accent-accent"
                checked={role === each.role}
                onChange={() => setRole(each.role)}
              />
              <span>
                {each.title}
                <span className="block text-data text-muted">{each.may}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {inviting.error && <Failure cause={inviting.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={inviting.isPending}>
            Make the link
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
