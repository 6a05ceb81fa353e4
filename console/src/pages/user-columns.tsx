import { Link } from '@tanstack/react-router';
import type { Company, User } from '../api/types.ts';
import { count } from '../text/number.ts';
import { firstText } from '../text/value.ts';
import type { Column } from '../ui/data-table.tsx';
import { Time } from '../ui/time.tsx';
import { ValueCell } from '../ui/value.tsx';

/** A name above its id where there is room for two lines only, beside it elsewhere. */
function Named({ name, more, to }: { name: string; more: string | null; to: { path: string; id: string } }) {
  return (
    <div className="min-w-0 sm:flex sm:items-baseline sm:gap-2">
      <Link
        to={to.path as '/users/$id'}
        params={{ id: to.id }}
        className="block min-w-0 truncate font-medium text-ink hover:underline hover:underline-offset-3 sm:inline"
        title={name}
      >
        {name}
      </Link>
      {more && (
        <span className="block min-w-0 truncate text-muted sm:inline" title={more}>
          {more}
        </span>
      )}
    </div>
  );
}

export const USER_FIRST: Column<User> = {
  name: 'user',
  title: 'User',
  width: 240,
  onSmall: true,
  cell: (user) => {
    const name = firstText(user.properties, ['name']);
    return (
      <Named
        name={name ?? user.user_id}
        more={name === null ? null : user.user_id}
        to={{ path: '/users/$id', id: user.user_id }}
      />
    );
  },
};

export const USER_SAID = ['name', 'email'];
export const USER_USUAL = ['email', 'company', 'p.plan', 'last_seen'];

export const USER_KNOWN: Column<User>[] = [
  {
    name: 'email',
    title: 'E-mail',
    width: 220,
    cell: (user) => <ValueCell value={user.properties.email} />,
  },
  {
    name: 'company',
    title: 'Company',
    width: 150,
    cell: (user) =>
      user.company_id && (
        <Link to="/companies/$id" params={{ id: user.company_id }} className="link" title={user.company_id}>
          {user.company_name ?? user.company_id}
        </Link>
      ),
  },
  {
    name: 'last_seen',
    title: 'Last seen',
    width: 120,
    onSmall: true,
    cell: (user) => <Time at={user.last_seen_at} className="text-muted" />,
  },
  {
    name: 'first_seen',
    title: 'First seen',
    width: 120,
    cell: (user) => <Time at={user.first_seen_at} className="text-muted" />,
  },
  {
    name: 'created',
    title: 'Created',
    width: 120,
    cell: (user) => <Time at={user.created_at} className="text-muted" />,
  },
];

export const COMPANY_FIRST: Column<Company> = {
  name: 'company',
  title: 'Company',
  width: 240,
  onSmall: true,
  cell: (company) => {
    const name = firstText(company.properties, ['name']);
    return (
      <Named
        name={name ?? company.company_id}
        more={name === null ? null : company.company_id}
        to={{ path: '/companies/$id', id: company.company_id }}
      />
    );
  },
};

export const COMPANY_SAID = ['name'];
export const COMPANY_USUAL = ['users', 'p.plan', 'p.industry', 'last_seen'];

export const COMPANY_KNOWN: Column<Company>[] = [
  {
    name: 'users',
    title: 'Users',
    width: 80,
    align: 'right',
    onSmall: true,
    cell: (company) => <span className="figures">{count(company.user_count)}</span>,
  },
  {
    name: 'last_seen',
    title: 'Last seen',
    width: 120,
    cell: (company) => <Time at={company.last_seen_at} className="text-muted" />,
  },
  {
    name: 'first_seen',
    title: 'First seen',
    width: 120,
    cell: (company) => <Time at={company.first_seen_at} className="text-muted" />,
  },
  {
    name: 'created',
    title: 'Created',
    width: 120,
    cell: (company) => <Time at={company.created_at} className="text-muted" />,
  },
];
