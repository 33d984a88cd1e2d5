// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/host.hpp"
#include "matrix/transport.hpp"
#include "matrix/transports/by_name.hpp"

#include <memory>
#include <string>
#include <utility>

namespace tidings::matrix {

/// A transport whose clients hold streams that a service sends: one server for the bus that was
/// connected from last, whose sessions are found by the tokens of their clients.
template <class Session>
class stream_transport : public transport {
 public:
    using transport::transport;
    using sessions = sessions_by_name<Session>;

    outlet_guarantee guarantee() const override { return {.resumable = true}; }
    std::unique_ptr<link> connect(bus& from, std::shared_ptr<subscriber> to,
                                  link_options options) override {
        if (!host_ || from_ != &from) {
            known_ = std::make_shared<sessions>();
            host_ = &serve(serve_bus(from, known_, options.outlet_origin));
            from_ = &from;
        }
        return make_link(*host_, known_, "link-" + std::to_string(++links_), std::move(to),
                         options.inlet_origin);
    }

 private:
    virtual mount_function serve_bus(bus& from, std::shared_ptr<sessions> known,
                                     origin_id origin) const = 0;
    virtual std::unique_ptr<link> make_link(const host& h, std::shared_ptr<sessions> known,
                                            std::string token, std::shared_ptr<subscriber> to,
                                            origin_id origin) const = 0;

    std::shared_ptr<sessions> known_;
    host* host_ = nullptr;
    bus* from_ = nullptr;
    int links_ = 0;
};

}  // namespace tidings::matrix
