/**
 * Families that are over for good. What their tokens' values were is forgotten, so that memory is bounded by what lives;
 * what became of them is told for a while.
 */
import type { Milliseconds } from '../clock.ts';
import { familyPolicy, type TenantContext } from './context.ts';
import { viewFamily, type FamilyView } from './family-view.ts';
import { itemsOf } from './persistent-list.ts';
import { isOver } from './refresh-token-family.ts';

const keptFamilies = 100;
const keptNodes = 50;

/** Lets go of the values of every family that is over. A clock that is turned back afterwards does not bring them back. */
export function forgetPastFamilies(context: TenantContext, now: Milliseconds): void {
  const { families, refreshTokens, pastFamilies } = context.state;
  for (const family of families.values()) {
    const policy = familyPolicy(context, family);
    if (!isOver(family, now, policy)) continue;
    const view = viewFamily(family, now, policy);
    pastFamilies.push({ ...view, nodes: view.nodes.slice(-keptNodes) });
    for (const { value } of itemsOf(family.tokens)) refreshTokens.delete(value);
    families.delete(family.familyId);
  }
  pastFamilies.splice(0, pastFamilies.length - keptFamilies);
}

/** All families that are told of, oldest first. */
export function viewFamilies(context: TenantContext): FamilyView[] {
  const now = context.clock.now();
  const kept = [...context.state.families.values()].map((family) =>
    viewFamily(family, now, familyPolicy(context, family)),
  );
  return [...context.state.pastFamilies, ...kept].sort((one, other) => one.createdAt - other.createdAt);
}
