/*
 * The failover protocol: two regions, two orchestrators that compete (a task, the guard, the command line), one journal.
 *
 * Every process is a set of guarded commands, `:: atomic { condition -> effects }`: one command is one instant, and
 * between two of them anybody may crash, sleep or be overtaken. The file keeps to that form so that two checkers can
 * read it: Spin (`make model`), and tests/model/checker.py, which needs no package and is what `make test` runs.
 *
 * Operation 1 is the failover, region 0 -> region 1. Operation 2 is the way home, region 1 -> region 0.
 * Each guard of the protocol is a switch: a check with `#define FENCE 0` has it taken out, and has to fail.
 */

#define EPOCH 1        /* the journal refuses an intent and a record of an actor with an older epoch */
#define FENCE 1        /* the database is promoted only with proof that the other takes no write */
#define PROOF 1        /* off is what is seen to be off: neither an answer nor silence proves it */
#define RELOOK 1       /* the proof is looked at again just before, the journal's record does not do */
#define SIGN 1         /* where nobody can look, people sign */
#define WRAPPER 1      /* a database starts as a standby, always; a writer comes from a promotion only */
#define FLIGHT 1       /* the opposite direction waits until older commands are over */
#define LOOK 1         /* an unanswered promotion is looked at, never undone blindly */
#define ADMIT 1        /* the way home begins only where the target stands by */
#define TAKE 1         /* the operation of a dead actor is taken over */
#define POWER 1        /* there is a second way to the proof: the switch outside */

/* how much may go wrong: answers and commands lost, crashes, live leases taken, partitions come or gone, restarts */
#define LOSSES 1
#define CRASHES 1
#define THEFTS 1
#define CUTS 1
#define RESTARTS 1

/* roles of a database */
#define STANDBY 0
#define PRIMARY 1

/* stages of the open operation, as the journal has them */
#define TO_FENCE 0
#define TO_PROMOTE 1
#define TO_RETURN 2
#define CLOSED 3

/* where an orchestrator is */
#define IDLE 0
#define DEAD 1
#define FENCING 2      /* by the region's own control, or by power */
#define POWERING 3     /* its own control did not do */
#define FENCE_SENT 4
#define FENCE_LOOK 5
#define PROMOTING 6
#define PROMOTE_ACT 7  /* the intent stands in the journal, nothing is sent */
#define PROMOTE_SENT 8
#define PROMOTE_LOOK 9
#define PROMOTE_LOST 10
#define RETURNING 11   /* reprotect: the old primary becomes a standby */
#define RETURN_SENT 12
#define RETURN_LOOK 13

/* commands on their way to a region */
#define NOTHING 0
#define STOP 1
#define OFF 2
#define PROMOTE 3
#define START 4

#define NOBODY 2

/* the two databases */
bool up[2];
bool power[2];
byte role[2];
byte born[2];          /* of which operation a writer is; 0: from before */
bool frozen;           /* region 0 holds its processes still: its control cannot stop them, and they may wake up */

/* what can be reached */
bool ctrl;             /* the source's own control */
bool sw;               /* the power switch */

/* the journal */
byte op;
byte stage;
byte epoch;
byte holder;
bool asked;            /* a fence was asked for in this operation */
bool accepted;           /* people accepted the loss, without a proof */

/* the orchestrators */
byte pc[2];
byte ep[2];
byte my[2];
byte cmd[2];
byte cmdop[2];

/* what is left of that */
byte losses;
byte crashes;
byte thefts;
byte cuts;
byte reboots;
bool started;
bool over;

#define src(o) ((o) - 1)
#define dst(o) (2 - (o))
#define other(i) (1 - (i))
#define writable(r) (up[r] && power[r] && role[r] == PRIMARY)
#define standing_by(r) (up[r] && power[r] && role[r] == STANDBY)
#define current(i) (ep[i] == epoch || EPOCH == 0)
#define blind (ctrl == 0 && sw == 0)
#define seen_off(r) ((ctrl && up[r] == 0) || (sw && power[r] == 0))
#define proof(r) (accepted || seen_off(r) || (PROOF == 0 && asked) || (SIGN == 0 && blind) || FENCE == 0)
#define dead(i) (pc[i] == DEAD)
#define no_way (sw == 0 && (ctrl == 0 || frozen))

proctype orchestrator(byte me)
{
end:
    do
    /* the lease: free, or its holder is dead; or taken from a live one that is only slow */
    :: atomic { started && pc[me] == IDLE && stage != CLOSED && (holder == NOBODY || (TAKE && holder != me && dead(holder))) ->
        epoch++; holder = me; ep[me] = epoch; my[me] = op;
        if :: stage == TO_FENCE -> pc[me] = FENCING
           :: else -> if :: stage == TO_PROMOTE -> pc[me] = PROMOTING :: else -> pc[me] = RETURNING fi
        fi }
    :: atomic { started && pc[me] == IDLE && stage != CLOSED && holder == other(me) && !dead(holder) && thefts > 0 ->
        thefts--; epoch++; holder = me; ep[me] = epoch; my[me] = op;
        if :: stage == TO_FENCE -> pc[me] = FENCING
           :: else -> if :: stage == TO_PROMOTE -> pc[me] = PROMOTING :: else -> pc[me] = RETURNING fi
        fi }

    /* an older epoch is refused, wherever it comes to the journal */
    :: atomic { (pc[me] == FENCING || pc[me] == POWERING || pc[me] == PROMOTING || pc[me] == RETURNING) && !current(me) ->
        pc[me] = IDLE }

    /* fence */
    :: atomic { pc[me] == FENCING && current(me) && FENCE && ctrl ->
        cmd[me] = STOP; cmdop[me] = my[me]; asked = 1; pc[me] = FENCE_SENT }
    :: atomic { (pc[me] == FENCING || pc[me] == POWERING) && current(me) && FENCE && sw && POWER ->
        cmd[me] = OFF; cmdop[me] = my[me]; asked = 1; pc[me] = FENCE_SENT }
    /* without the switch it asks the region's control again (one that holds everything still could be asked for ever) */
    :: atomic { pc[me] == POWERING && current(me) && FENCE && ctrl && sw == 0 && !frozen ->
        cmd[me] = STOP; cmdop[me] = my[me]; asked = 1; pc[me] = FENCE_SENT }
    :: atomic { pc[me] == FENCING && current(me) && FENCE == 0 ->
        stage = TO_PROMOTE; pc[me] = PROMOTING }
    :: atomic { pc[me] == FENCE_LOOK && proof(src(my[me])) ->
        if :: current(me) -> stage = TO_PROMOTE; pc[me] = PROMOTING
           :: else -> pc[me] = IDLE
        fi }
    :: atomic { pc[me] == FENCE_LOOK && !proof(src(my[me])) && !blind ->
        pc[me] = POWERING }
    /* nobody can look, or what can be asked cannot stop it: people sign, or it waits */
    :: atomic { (pc[me] == FENCING || pc[me] == POWERING || pc[me] == FENCE_LOOK) && current(me) && no_way &&
                !seen_off(src(my[me])) && op == 1 ->
        if :: SIGN -> accepted = 1 :: else -> skip fi;
        stage = TO_PROMOTE; pc[me] = PROMOTING }

    /* promote */
    :: atomic { pc[me] == PROMOTING && current(me) ->
        pc[me] = PROMOTE_ACT }
    :: atomic { pc[me] == PROMOTE_ACT && (proof(src(my[me])) || RELOOK == 0) ->
        cmd[me] = PROMOTE; cmdop[me] = my[me]; pc[me] = PROMOTE_SENT }
    :: atomic { pc[me] == PROMOTE_ACT && !proof(src(my[me])) && RELOOK && (!blind || !current(me)) ->
        if :: current(me) -> stage = TO_FENCE; pc[me] = POWERING
           :: else -> pc[me] = IDLE
        fi }
    :: atomic { pc[me] == PROMOTE_LOOK || (pc[me] == PROMOTE_LOST && LOOK) ->
        if :: !current(me) -> pc[me] = IDLE
           :: else ->
            if :: role[dst(my[me])] == PRIMARY ->
                if :: accepted -> stage = CLOSED; holder = NOBODY; pc[me] = IDLE
                   :: else -> stage = TO_RETURN; pc[me] = RETURNING
                fi
               :: else -> pc[me] = PROMOTING
            fi
        fi }
    :: atomic { pc[me] == PROMOTE_LOST && LOOK == 0 ->   /* "it failed": back to where it was */
        power[src(my[me])] = 1; up[src(my[me])] = 1; role[src(my[me])] = PRIMARY;
        stage = CLOSED; holder = NOBODY; pc[me] = IDLE }

    /* reprotect */
    :: atomic { pc[me] == RETURNING && current(me) ->
        cmd[me] = START; cmdop[me] = my[me]; pc[me] = RETURN_SENT }
    :: atomic { pc[me] == RETURN_LOOK ->
        if :: !current(me) -> pc[me] = IDLE
           :: else ->
            if :: standing_by(src(my[me])) -> stage = CLOSED; holder = NOBODY; pc[me] = IDLE
               :: else -> pc[me] = RETURNING
            fi
        fi }

    /* a crash, anywhere; what is on its way stays on its way */
    :: atomic { started && crashes > 0 && !dead(me) && pc[me] != IDLE ->
        crashes--; pc[me] = DEAD }
    od
}

/* The way of a command: it lands as late as it likes, is lost, or its answer is. */
proctype network(byte me)
{
end:
    do
    :: atomic { cmd[me] == STOP || cmd[me] == OFF ->
        assert(!(writable(src(cmdop[me])) && born[src(cmdop[me])] > cmdop[me]));   /* a stale actor fences no later writer */
        if :: cmd[me] == OFF -> power[src(cmdop[me])] = 0; up[src(cmdop[me])] = 0
           :: else ->
            if :: frozen && src(cmdop[me]) == 0 -> skip
               :: else -> up[src(cmdop[me])] = 0
            fi
        fi;
        cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = FENCE_LOOK fi }
    :: atomic { (cmd[me] == STOP || cmd[me] == OFF) && losses > 0 ->
        losses--; cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = FENCE_LOOK fi }
    :: atomic { cmd[me] == PROMOTE ->
        if :: up[dst(cmdop[me])] && power[dst(cmdop[me])] ->
            assert(accepted || !writable(src(cmdop[me])));   /* no promotion without proof or signature */
            if :: role[dst(cmdop[me])] == STANDBY -> born[dst(cmdop[me])] = cmdop[me] :: else -> skip fi;
            role[dst(cmdop[me])] = PRIMARY
           :: else -> skip
        fi;
        cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = PROMOTE_LOOK fi }
    :: atomic { cmd[me] == PROMOTE && losses > 0 ->   /* it lands, and the answer is lost */
        losses--;
        if :: up[dst(cmdop[me])] && power[dst(cmdop[me])] ->
            assert(accepted || !writable(src(cmdop[me])));   /* no promotion without proof or signature */
            if :: role[dst(cmdop[me])] == STANDBY -> born[dst(cmdop[me])] = cmdop[me] :: else -> skip fi;
            role[dst(cmdop[me])] = PRIMARY
           :: else -> skip
        fi;
        cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = PROMOTE_LOST fi }
    :: atomic { cmd[me] == PROMOTE && losses > 0 ->   /* it never arrives */
        losses--; cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = PROMOTE_LOST fi }
    :: atomic { cmd[me] == START ->
        assert(!writable(src(cmdop[me])));   /* nobody rebuilds a writer */
        power[src(cmdop[me])] = 1; up[src(cmdop[me])] = 1; role[src(cmdop[me])] = STANDBY; frozen = 0;
        cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = RETURN_LOOK fi }
    :: atomic { cmd[me] == START && losses > 0 ->
        losses--; cmd[me] = NOTHING;
        if :: dead(me) -> skip :: else -> pc[me] = RETURN_LOOK fi }
    od
}

proctype world()
{
end:
    do
    /* how it begins: region 0 is dark, silent behind a partition, frozen, or well (a planned move) */
    :: atomic { !started -> started = 1; up[0] = 0; ctrl = 1; sw = 1 }
    :: atomic { !started -> started = 1; up[0] = 0; ctrl = 0; sw = 1 }
    :: atomic { !started -> started = 1; ctrl = 1; sw = 1 }
    :: atomic { !started -> started = 1; ctrl = 0; sw = 1 }
    :: atomic { !started -> started = 1; ctrl = 0; sw = 0 }
    :: atomic { !started -> started = 1; ctrl = 1; sw = 0 }
    :: atomic { !started -> started = 1; ctrl = 1; sw = 1; frozen = 1 }

    /* a partition comes or goes */
    :: atomic { started && cuts > 0 -> cuts--; ctrl = 1 - ctrl }
    :: atomic { started && cuts > 0 -> cuts--; sw = 1 - sw }

    /* a region without processes starts them again by itself, as long as it has power */
    :: atomic { started && reboots > 0 && power[0] && up[0] == 0 ->
        reboots--; up[0] = 1;
        if :: WRAPPER -> role[0] = STANDBY :: else -> skip fi }
    :: atomic { started && reboots > 0 && power[1] && up[1] == 0 ->
        reboots--; up[1] = 1;
        if :: WRAPPER -> role[1] = STANDBY :: else -> skip fi }

    /* the way home, once: it waits until what was sent before is over, and only then looks whether its target stands by */
    :: atomic { started && op == 1 && !accepted && (stage == CLOSED || (stage == TO_RETURN && ADMIT == 0)) &&
                (FLIGHT == 0 || (cmd[0] == NOTHING && cmd[1] == NOTHING)) && (ADMIT == 0 || standing_by(dst(2))) ->
        op = 2; stage = TO_FENCE; holder = NOBODY; asked = 0; epoch++ }

    :: atomic { writable(0) && writable(1) && !accepted ->
        assert(false) }   /* at most one writable database at any instant */

    /* where nothing can happen any more; or nobody lives, or nothing can be reached, and nobody signs */
    :: atomic { timeout && !over -> over = 1;
        assert(stage == CLOSED || (dead(0) && dead(1)) || no_way) }   /* the operation is at its end */
    od
}

init
{
    atomic {
        up[0] = 1; up[1] = 1; power[0] = 1; power[1] = 1; role[0] = PRIMARY; op = 1; holder = NOBODY;
        losses = LOSSES; crashes = CRASHES; thefts = THEFTS; cuts = CUTS; reboots = RESTARTS;
        run orchestrator(0); run orchestrator(1); run network(0); run network(1); run world()
    }
}
