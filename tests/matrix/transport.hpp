// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings {
class bus;
}

namespace tidings::matrix {

class front_door;
class host;
class world;

/// What a transport states of the way from a bus to a subscriber, with its defaults.
struct outlet_guarantee {
    bool ordered = true;       ///< events come in the order in which they were published
    bool exactly_once = true;  ///< while the connection stands, none is lost and none comes twice
    /// After a connection was cut: nothing is lost. What comes twice has the same id.
    bool at_least_once = false;
    /// After a connection was cut: nothing is lost, doubled or out of order.
    bool resumable = false;
    /// An event of the same source and id that is published again does not come again.
    bool absorbs_repetitions = false;
    /// An event is one request to the receiving host, while nothing fails.
    bool one_request_each = false;
    /// Of a bridge one side polls the other, and posts what is its own: events that come back are
    /// known by their ids, wherever they say they are from, but that they were posted shows.
    bool bridge_polls = false;
    /// Numbers and booleans of extensions come as such, not as text.
    bool keeps_types = true;
    /// What takes the events for one link is in reach of a user (`link::outlet`).
    bool direct_outlet = true;
};

struct link_options {
    /// Shared by the inlets and outlets of a bus that lead to one peer; 0: each its own.
    origin_id outlet_origin = 0;
    origin_id inlet_origin = 0;
};

/// One way from a bus to a subscriber. Destroying it closes both ends.
class link {
 public:
    virtual ~link() = default;
    /// Whether what is published from now on comes through.
    virtual bool ready() const = 0;
    /// What takes the events for this link alone, to be called directly; null where it is not in
    /// reach of a user.
    virtual std::shared_ptr<subscriber> outlet() = 0;
    /// The receiving side goes, or says that it wants no more.
    virtual void close() = 0;
    /// After `close`: whether the sending side knows, as far as that can be asked over the wire.
    virtual bool gone() const { return true; }
};

using wrap_function = std::function<std::shared_ptr<subscriber>(std::shared_ptr<subscriber>)>;

/// One transport in one world. The cases know no more of it than this.
class transport {
 public:
    explicit transport(world& w);
    virtual ~transport();
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    virtual outlet_guarantee guarantee() const = 0;
    virtual std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                          link_options options) = 0;
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to) {
        return connect(from, std::move(to), {});
    }
    /// Both ways between two buses, so that neither gets its own back. `wrap` is put around each
    /// bus where it takes events. By default two links with shared origins.
    virtual std::vector<std::unique_ptr<link>> bridge(bus& a, bus& b, const wrap_function& wrap);

    /// Breaks every connection, as a lost network (simulated) or a server that is started anew
    /// does.
    void cut();
    /// Open connections of all servers.
    std::size_t connections() const;
    /// Those so far over which something was asked.
    std::size_t connections_made() const;
    /// Requests that brought this event, to each server that there was one for.
    std::vector<std::size_t> requests(std::string_view id) const;

 protected:
    world& in() const noexcept { return world_; }
    /// A server of its own, with what `mount` puts on it. `cut` starts it anew if it may.
    host& serve(std::function<void(front_door&)> mount, bool may_restart = true);

 private:
    struct served {
        std::unique_ptr<host> at;
        bool may_restart;
    };
    world& world_;
    std::vector<served> hosts_;
};

}  // namespace tidings::matrix
