import { Button } from './button.tsx';
import { ColumnsIcon } from './icons.tsx';
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from './menu.tsx';

/** Chooses what a table shows beside its first column. */
export function ColumnMenu({
  fixed,
  properties,
  shown,
  onChange,
  onReset,
}: {
  fixed: { name: string; title: string }[];
  /** Names of properties that the rows have. */
  properties: string[];
  shown: string[];
  onChange: (names: string[]) => void;
  onReset: () => void;
}) {
  const toggle = (name: string) =>
    onChange(shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name]);
  return (
    <Menu
      align="end"
      trigger={
        <Button>
          <ColumnsIcon size={14} /> Columns
        </Button>
      }
    >
      {fixed.map(({ name, title }) => (
        <MenuChoice key={name} stay checked={shown.includes(name)} onSelect={() => toggle(name)}>
          {title}
        </MenuChoice>
      ))}
      {properties.length > 0 && <MenuLabel>Properties of the rows below</MenuLabel>}
      {properties.map((name) => (
        <MenuChoice
          key={name}
          stay
          checked={shown.includes(`p.${name}`)}
          onSelect={() => toggle(`p.${name}`)}
        >
          {name}
        </MenuChoice>
      ))}
      <MenuLine />
      <MenuItem onSelect={onReset}>The usual columns</MenuItem>
    </Menu>
  );
}
