// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/cable.hpp"
#include "matrix/expectation.hpp"
#include "matrix/faults.hpp"
#include "matrix/rows.hpp"
#include "matrix/samples.hpp"
#include "support/ordering_history.hpp"

#include <tidings/bus.hpp>
#include <tidings/test/recorder.hpp>

#include <optional>

namespace tidings::matrix {

/// The two entries of a subscriber.
enum class entry { deliver, async_deliver };
inline constexpr entry both_entries[] = {entry::deliver, entry::async_deliver};
inline std::string prefix_of(entry way) {
    return way == entry::deliver ? "plain-" : "async-";
}

/// What one case plays in: two buses of a row's world and its transport, perhaps with a fault
/// planted on the way in or out.
class scene {
 public:
    scene(const row& r, const std::optional<plan>& p);
    ~scene();
    scene(const scene&) = delete;
    scene& operator=(const scene&) = delete;

    world& in() noexcept { return world_; }
    transport& way() noexcept { return *transport_; }
    outlet_guarantee guarantee() const { return transport_->guarantee(); }
    /// Whether a fault is planted: to find it takes few events.
    bool planted() const noexcept { return plan_.has_value(); }
    /// With a history, as `there`.
    bus& here() noexcept { return *here_; }
    bus& there() noexcept { return *there_; }

    struct watcher {
        std::unique_ptr<link> through;
        std::shared_ptr<test::recorder> seen;
    };
    /// A link from `here` to a new recorder, its connection made.
    watcher watch();
    /// Breaks all connections, or ends a link: unless it is the planted fault that nothing happens.
    void cut();
    void close(link& l);
    /// Waits until a link stands.
    void await(const link& l);

    /// Gives the events to a subscriber, the planted fault in front of it. What it refuses, and
    /// completions that come inside the call or never, are findings of `collect`.
    void deliver(entry way, const std::shared_ptr<subscriber>& to, const samples& events);
    /// The same to `here`.
    void publish(entry way, const samples& events) { deliver(way, here_->as_subscriber(), events); }
    /// What has come when `expected` events have, or when it is sure that they will not.
    findings collect(watcher& w, const samples& expected, const outlet_guarantee& g);
    findings collect(watcher& w, const samples& expected) {
        return collect(w, expected, guarantee());
    }
    /// Publishes an event that marks an end.
    event_ptr publish_end(bus& at);

    /// Puts the planted fault in front of what stands behind, or before, the transport.
    std::shared_ptr<subscriber> wrap(place where, std::shared_ptr<subscriber> s);

    /// Which of these were brought to a host more than once.
    findings posted_again(const samples& events) const;

    /// Ends it all, and looks for what is left.
    findings end();

 private:
    world world_;
    std::optional<plan> plan_;
    std::optional<faulty_cable> cable_;
    const std::shared_ptr<test::ordering_history> far_from_here_;  // null: in memory
    const std::shared_ptr<test::ordering_history> far_from_there_;
    std::optional<bus> here_;
    std::optional<bus> there_;
    std::unique_ptr<transport> transport_;
    std::shared_ptr<subscriber> way_in_;  // the planted fault of `deliver`, and before what
    std::shared_ptr<subscriber> behind_way_in_;
    findings refused_;
    std::size_t under_way_ = 0;
    int ends_ = 0;
};

}  // namespace tidings::matrix
