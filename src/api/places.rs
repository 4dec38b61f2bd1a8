//! The places of a server: how many connections it holds at a time, how many bytes of replies they
//! hold, and who goes when there is no room left.
//!
//! Who keeps the server waiting goes before anybody is refused, so a thousand connections that say
//! nothing, or readers that do not read, keep nobody from asking. The peer (a user, or a machine)
//! that has the most pays first.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::api::peer::Peer;

/// What a connection waits for; who waits for what is first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// For the peer to hang up: its reply is sent.
    End,
    /// For the peer to send its request.
    Request,
    /// For the peer to take its reply.
    Taking,
    /// For the daemon: it never goes.
    Daemon,
}

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Connections.
    pub(super) places: usize,
    /// Bytes of the replies that are held whole.
    pub(super) bytes: u64,
    /// Bytes of the long bodies of requests, which are held whole too.
    pub(super) body_bytes: u64,
}

/// A connection as all others see it.
#[derive(Debug)]
struct Seat {
    peer: Peer,
    waits: Cell<Waits>,
    /// Since when, as a number that later changes exceed.
    since: Cell<u64>,
    /// Bytes of its reply.
    bytes: Cell<u64>,
    /// Bytes of its request's body, where that is long.
    body_bytes: Cell<u64>,
    lost: Notify,
}

#[derive(Debug)]
struct Taken {
    room: Room,
    seats: RefCell<Vec<Rc<Seat>>>,
    changes: Cell<u64>,
    /// Told whenever somebody may find a place where there was none.
    moved: Notify,
}

impl Taken {
    fn next_change(&self) -> u64 {
        self.changes.set(self.changes.get() + 1);
        self.changes.get()
    }
}

/// The places of one server.
#[derive(Clone, Debug)]
pub(super) struct Places(Rc<Taken>);

/// The place of one connection, which dropping it gives back.
#[derive(Debug)]
pub(super) struct Place {
    taken: Rc<Taken>,
    seat: Rc<Seat>,
}

impl Places {
    pub(super) fn new(room: Room) -> Self {
        let (seats, changes, moved) = (RefCell::default(), Cell::new(0), Notify::new());
        Self(Rc::new(Taken { room, seats, changes, moved }))
    }

    /// A place for a connection of `peer`, as soon as there is one.
    pub(super) async fn enter(&self, peer: Peer) -> Place {
        loop {
            if let Some(place) = self.try_enter(peer) {
                return place;
            }
            self.0.moved.notified().await;
        }
    }

    /// A place for a connection of `peer`. Where all are taken, one that waits for its peer goes;
    /// none if no such connection is of a peer with as many places as the newcomer's.
    fn try_enter(&self, peer: Peer) -> Option<Place> {
        let taken = Rc::clone(&self.0);
        let mut seats = taken.seats.borrow_mut();
        if taken.room.places <= seats.len() {
            let counts = sums(&seats, (peer, 1), |_| 1);
            let waits = |seat: &Seat| {
                seat.waits.get() != Waits::Daemon && counts[&peer] <= counts[&seat.peer]
            };
            send_one_away(&mut seats, &counts, waits).then_some(())?;
        }
        let waits = Cell::new(Waits::Request);
        let since = Cell::new(taken.next_change());
        let (bytes, body_bytes) = (Cell::new(0), Cell::new(0));
        let seat = Seat { peer, waits, since, bytes, body_bytes, lost: Notify::new() };
        let seat = Rc::new(seat);
        seats.push(Rc::clone(&seat));
        drop(seats);
        Some(Place { taken, seat })
    }
}

/// What every peer has, with what one asks for.
fn sums(seats: &[Rc<Seat>], asked: (Peer, u64), of: fn(&Seat) -> u64) -> HashMap<Peer, u64> {
    let mut sums = HashMap::from([asked]);
    for seat in seats {
        *sums.entry(seat.peer).or_default() += of(seat);
    }
    sums
}

/// Takes the place of one of those that may lose it: of the peer that has the most, who waits for
/// the first thing and has waited longest. False if none may.
fn send_one_away(
    seats: &mut Vec<Rc<Seat>>,
    sums: &HashMap<Peer, u64>,
    may: impl Fn(&Seat) -> bool,
) -> bool {
    let order = |seat: &Seat| (Reverse(sums[&seat.peer]), seat.waits.get(), seat.since.get());
    let among = seats.iter().enumerate().filter(|(_, seat)| may(seat));
    let Some((index, _)) = among.min_by_key(|(_, seat)| order(seat)) else {
        return false;
    };
    seats.swap_remove(index).lost.notify_one();
    true
}

impl Place {
    /// Says what the connection waits for from here on.
    pub(super) fn now_waits(&self, waits: Waits) {
        self.seat.waits.set(waits);
        self.seat.since.set(self.taken.next_change());
        self.taken.moved.notify_waiters();
    }

    /// What the connection waits for, or did when it lost its place.
    pub(super) fn waits(&self) -> Waits {
        self.seat.waits.get()
    }

    /// Takes room for a reply of `bytes`. Where there is none, those go that take theirs slowest;
    /// false if none does. A reply larger than the whole room is alone in it.
    pub(super) fn hold(&self, bytes: u64) -> bool {
        let mut seats = self.taken.seats.borrow_mut();
        loop {
            let held: u64 = seats.iter().map(|seat| seat.bytes.get()).sum();
            if held == 0 || held + bytes <= self.taken.room.bytes {
                self.seat.bytes.set(bytes);
                return true;
            }
            let sums = sums(&seats, (self.seat.peer, bytes), |seat| seat.bytes.get());
            let takes = |seat: &Seat| seat.waits.get() == Waits::Taking && seat.bytes.get() != 0;
            if !send_one_away(&mut seats, &sums, takes) {
                return false;
            }
        }
    }

    /// Takes room for the body of a request; false if there is none. Nobody goes for it: whoever
    /// sends has little time to.
    pub(super) fn hold_body(&self, bytes: u64) -> bool {
        let seats = self.taken.seats.borrow();
        let held: u64 = seats.iter().map(|seat| seat.body_bytes.get()).sum();
        let has_room = held + bytes <= self.taken.room.body_bytes;
        if has_room {
            self.seat.body_bytes.set(bytes);
        }
        has_room
    }

    /// Gives the room of the body back, which is gone.
    pub(super) fn release_body(&self) {
        self.seat.body_bytes.set(0);
    }

    /// Waits until the place is taken away.
    pub(super) async fn lost(&self) {
        self.seat.lost.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.seats.borrow_mut().retain(|seat| !Rc::ptr_eq(seat, &self.seat));
        self.taken.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    const A: Peer = Peer::User(1);
    const B: Peer = Peer::User(2);

    fn four_places() -> Places {
        Places::new(Room { places: 4, bytes: 100, body_bytes: 50 })
    }

    fn is_lost(place: &Place) -> bool {
        place.lost().now_or_never().is_some()
    }

    /// The places that were taken away since this was asked last, by number.
    fn lost(places: &[Place]) -> Vec<usize> {
        (0..places.len()).filter(|&number| is_lost(&places[number])).collect()
    }

    #[test]
    fn who_was_silent_longest_goes_and_one_at_work_never() {
        let room = four_places();
        let mut places: Vec<_> = (0..4).map(|_| room.try_enter(A).unwrap()).collect();
        places[0].now_waits(Waits::Daemon);
        places[1].now_waits(Waits::Taking);
        for expected in [2, 3, 4] {
            places.push(room.try_enter(A).unwrap());
            assert_eq!(lost(&places), [expected]);
        }
        for place in &places {
            place.now_waits(Waits::Daemon);
        }
        assert!(room.try_enter(A).is_none());
        places[1].now_waits(Waits::Taking);
        places.push(room.try_enter(A).unwrap());
        assert_eq!(lost(&places), [1]);
        // The end of one that lost its place makes no other.
        places.last().unwrap().now_waits(Waits::Daemon);
        places.remove(1);
        assert!(room.try_enter(A).is_none());
        places.pop();
        assert!(room.try_enter(A).is_some());
    }

    #[test]
    fn the_peer_with_the_most_places_pays_for_a_newcomer() {
        let room = four_places();
        let first = room.try_enter(B).unwrap();
        let many: Vec<_> = (0..3).map(|_| room.try_enter(A).unwrap()).collect();
        for place in &many {
            place.now_waits(Waits::Taking);
        }
        // The first is silent and older than all others, but of a peer with one place.
        let second = room.try_enter(B).unwrap();
        assert_eq!((lost(&many), is_lost(&first)), (vec![0], false));
        // Two each: a third is taken from its own.
        let third = room.try_enter(B).unwrap();
        assert_eq!((lost(&many), is_lost(&first), is_lost(&second)), (vec![], true, false));
        // While A is at work, nobody goes for it.
        for place in &many {
            place.now_waits(Waits::Daemon);
        }
        let [fourth, fifth] = [(); 2].map(|()| room.try_enter(B).unwrap());
        assert_eq!((is_lost(&second), is_lost(&third)), (true, true));
        for place in [&fourth, &fifth] {
            place.now_waits(Waits::Daemon);
        }
        assert!(room.try_enter(B).is_none());
    }

    #[test]
    fn a_newcomer_waits_while_all_are_at_work() {
        let room = four_places();
        let mut places: Vec<_> = (0..4).map(|_| room.try_enter(A).unwrap()).collect();
        for place in &places {
            place.now_waits(Waits::Daemon);
        }
        let mut first = pin!(room.enter(A));
        let mut second = pin!(room.enter(B));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        places[2].now_waits(Waits::Taking);
        let first = first.now_or_never().unwrap();
        first.now_waits(Waits::Daemon);
        assert_eq!(lost(&places), [2]);
        assert!(second.as_mut().now_or_never().is_none());
        places.remove(0);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn who_takes_a_reply_slowest_makes_room_for_others() {
        let room = four_places();
        let places: Vec<_> = (0..4).map(|_| room.try_enter(A).unwrap()).collect();
        for place in &places[..3] {
            assert!(place.hold(30));
            place.now_waits(Waits::Taking);
        }
        places[0].now_waits(Waits::Taking);
        assert!(places[3].hold(40));
        assert_eq!(lost(&places), [1]);
        places[3].now_waits(Waits::Taking);
        // What exceeds the room is alone in it.
        let other = room.try_enter(B).unwrap();
        assert!(other.hold(1000));
        assert_eq!(lost(&places), [0, 2, 3]);
        // It is at work: nobody goes for another.
        assert!(!room.try_enter(A).unwrap().hold(1));
        drop(other);
        assert!(room.try_enter(A).unwrap().hold(1));
    }
    #[test]
    fn bodies_have_a_room_of_their_own_until_they_or_their_connections_are_gone() {
        let room = four_places();
        let places: Vec<_> = (0..3).map(|_| room.try_enter(A).unwrap()).collect();
        assert!(places[0].hold_body(20) && places[1].hold_body(30) && !places[2].hold_body(1));
        assert!(places[2].hold(100));
        places[0].release_body();
        assert!(places[2].hold_body(20));
        drop(places);
        assert!(!room.try_enter(A).unwrap().hold_body(51));
        assert!(room.try_enter(A).unwrap().hold_body(50));
    }
}
