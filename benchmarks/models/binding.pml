/* Volumes and claims that bind, pods that are placed and started: what volsim explores of such a cluster, in Promela.

   The cluster: VOLUMES volumes without a class, all alike; CLAIMS claims each of which any of them fits; PODS pods, of
   which pod i uses claim i; NODES nodes, all alike. There are at least as many volumes as claims and as many claims as
   pods, so that all pods run at last. All of it was just created.

   A state is one of volsim's situations, one to one, and a transition is a move, in any order and with nothing left
   out: each process stands for one controller and one key that it looks at, and each of its options is one such look.
   A look is one step (d_step): a controller reads and writes without anybody in between. What is not here is what does
   not tell two situations apart: marks (uids, addresses), texts, events.

   Time stands still as long as anybody has something to do; the one thing that is due is the resync after 15 s. Whether
   that has come (`later`), and which pods were placed only afterwards (`young`), is all of time that is left. */

#ifndef VOLUMES
#define VOLUMES 2
#endif
#ifndef CLAIMS
#define CLAIMS 2
#endif
#ifndef PODS
#define PODS 2
#endif
#ifndef NODES
#define NODES 2
#endif

#define BIT(i) (1 << (i))
#define ALL(n) (BIT(n) - 1)

/* Who is to look at what: a bit for each key. */
byte new_volumes = ALL(VOLUMES); /* pv-phases */
byte new_claims = ALL(CLAIMS);   /* pv-binder */
byte new_pods = ALL(PODS);       /* scheduler */
byte to_start = 0;               /* kubelet: it starts the containers ... */
byte to_see = 0;                 /* ... and looks once more, at what it has written itself */

byte available = 0;    /* volumes that are Available */
byte bound[CLAIMS];    /* the claim's volume, counted from 1 */
byte refused = 0;      /* pods that the scheduler has turned away */
byte place[PODS];      /* the pod's node, counted from 1 */
byte pods_on[NODES];
byte young = 0;        /* pods that were placed after the resync */
bit resync_due = 0;
bit later = 0;

#define QUIET (!new_volumes && !new_claims && !new_pods && !to_start && !to_see)

/* Volume _pid gets its phase. That there is a free volume is for claims that wait to hear of at the next resync; none
   is bound before the first volume is free, so some wait. */
active [VOLUMES] proctype pv_phases()
{
end:
	do
	:: d_step { new_volumes & BIT(_pid) ->
		new_volumes = new_volumes & ~BIT(_pid);
		available = available | BIT(_pid);
		resync_due = 1 }
	od
}

/* The binder looks at a claim: it takes any free volume. A pod that was turned away for this claim is looked at anew. */
#define CLAIM (_pid - VOLUMES)
#define TAKES(v) d_step { (new_claims & BIT(CLAIM)) && (available & BIT(v)) -> \
		new_claims = new_claims & ~BIT(CLAIM); \
		available = available & ~BIT(v); \
		bound[CLAIM] = v + 1; \
		new_pods = new_pods | (refused & BIT(CLAIM)) }

active [CLAIMS] proctype pv_binder()
{
end:
	do
	:: d_step { (new_claims & BIT(CLAIM)) && !available ->
		new_claims = new_claims & ~BIT(CLAIM) }
	:: TAKES(0)
#if VOLUMES > 1
	:: TAKES(1)
#endif
#if VOLUMES > 2
	:: TAKES(2)
#endif
#if VOLUMES > 3
	:: TAKES(3)
#endif
#if VOLUMES > 4
	:: TAKES(4)
#endif
#if VOLUMES > 5
	:: TAKES(5)
#endif
	od
}

/* The scheduler looks at a pod: it turns it away if its claim is not bound, or places it on any of the nodes that have
   the fewest pods. */
#define POD (_pid - VOLUMES - CLAIMS)
#if NODES == 1
#define FEWEST(n) true
#elif NODES == 2
#define FEWEST(n) (pods_on[n] <= pods_on[1 - n])
#else
#define FEWEST(n) (pods_on[n] <= pods_on[(n + 1) % 3] && pods_on[n] <= pods_on[(n + 2) % 3])
#endif
#define PLACES(n) d_step { (new_pods & BIT(POD)) && bound[POD] && FEWEST(n) -> \
		new_pods = new_pods & ~BIT(POD); \
		refused = refused & ~BIT(POD); \
		place[POD] = n + 1; \
		pods_on[n]++; \
		young = young | (later << POD); \
		to_start = to_start | BIT(POD) }

active [PODS] proctype scheduler()
{
end:
	do
	:: d_step { (new_pods & BIT(POD)) && !bound[POD] ->
		new_pods = new_pods & ~BIT(POD);
		refused = refused | BIT(POD) }
	:: PLACES(0)
#if NODES > 1
	:: PLACES(1)
#endif
#if NODES > 2
	:: PLACES(2)
#endif
	od
}

/* The kubelet of the pod's node. */
#define MINE (_pid - VOLUMES - CLAIMS - PODS)
active [PODS] proctype kubelet()
{
end:
	do
	:: d_step { to_start & BIT(MINE) ->
		to_start = to_start & ~BIT(MINE);
		to_see = to_see | BIT(MINE) }
	:: d_step { to_see & BIT(MINE) ->
		to_see = to_see & ~BIT(MINE) }
	od
}

/* When nobody has anything to do, the clock goes on to the resync: the binder is to look at all claims that wait. */
active proctype resync()
{
	byte c;
end:
	do
	:: d_step { resync_due && QUIET ->
		resync_due = 0;
		later = 1;
		c = 0;
		do
		:: c < CLAIMS ->
			new_claims = new_claims | ((bound[c] == 0) << c);
			c++
		:: else -> break
		od;
		c = 0 }
	od
}
