// SPDX-License-Identifier: BSL-1.0
#include "matrix/cable.hpp"

#include "matrix/wire.hpp"

#include <array>
#include <deque>

namespace tidings::matrix {

/// Of all connections.
struct faulty_cable::progress {
    std::size_t connections = 0;
    std::size_t events = 0;
    bool struck = false;
};

namespace {

constexpr std::string_view marker = "\"number\": ";
constexpr std::size_t nth = 7;

/// Where a request names the position to go on from.
struct named_position {
    std::size_t name = 0;
    std::size_t begin = 0;
    std::size_t size = 0;
};

named_position find_position(const std::string& request) {
    for (const std::string_view name : {"Last-Event-ID: ", "after="}) {
        const auto at = request.find(name);
        if (at == std::string::npos) continue;
        const auto begin = at + name.size();
        return {at, begin, request.find_first_of("& \r", begin) - begin};
    }
    return {};
}

/// The text of a position, `epoch:offset`, so many further.
std::string moved(const std::string& position, int by) {
    const auto digits = position.find_last_not_of("0123456789") + 1;
    return position.substr(0, digits) + std::to_string(std::stol(position.substr(digits)) + by);
}

class faulty_tap final : public test::cable_tap {
 public:
    faulty_tap(fault f, std::shared_ptr<faulty_cable::progress> shared)
        : fault_(f),
          all_(std::move(shared)),
          ordinal_(++all_->connections) {}

    std::string carry(bool to_server, std::string_view written) override {
        std::string carried;
        for (auto& unit : cutters_[to_server ? 1 : 0].cut(written))
            carried += pass(to_server, unit);
        return carried;
    }

 private:
    std::string pass(bool to_server, wire_unit& u) {
        const bool message = u.is == wire_unit::kind::message;
        if (message && !to_server && !answer_passes()) return {};
        const bool event = u.text.find(marker) != std::string::npos;
        const bool request = message && to_server;
        auto carried = event ? bent(u) : request ? redirected(u) : u.bytes;
        if (request && !carried.empty()) {
            answers_.push_back(!std::exchange(answer_is_lost_, false));
            // Who asked once reads one answer.
            if (carried.size() > u.bytes.size()) answers_.push_back(false);
        }
        return carried;
    }

    bool answer_passes() {
        if (answers_.empty()) return true;
        const bool passes = answers_.front();
        answers_.pop_front();
        return passes;
    }

    std::string bent(wire_unit& u) {
        const auto n = ++all_->events;
        if (n == nth + 1 && fault_ == fault::swap) return u.bytes + std::exchange(held_, {});
        if (n != nth) return u.bytes;
        const auto bytes = u.bytes;
        all_->struck = true;
        switch (fault_) {
            case fault::drop:
                return {};
            case fault::repeat:
                return bytes + bytes;
            case fault::swap:
                held_ = bytes;
                return {};
            case fault::alter_byte:
                u.bytes[u.text.find(marker) + 1] ^= 1;
                return u.bytes;
            case fault::lose_answer:
                answer_is_lost_ = true;
                return bytes;
            default:
                all_->struck = false;
                return bytes;
        }
    }

    /// By the first connection that goes on where another one was lost.
    std::string redirected(wire_unit& u) {
        const auto at = find_position(u.bytes);
        if (at.size == 0 || ordinal_ == 1 || all_->struck) return u.bytes;
        const auto position = u.bytes.substr(at.begin, at.size);
        all_->struck = true;
        if (fault_ == fault::resume_late)
            u.bytes.replace(at.begin, at.size, moved(position, 1));
        else if (fault_ == fault::resume_early)
            u.bytes.replace(at.begin, at.size, moved(position, -1));
        else if (fault_ == fault::lose_position)
            u.bytes[at.name] = 'x';
        else
            all_->struck = false;
        return u.bytes;
    }

    const fault fault_;
    const std::shared_ptr<faulty_cable::progress> all_;
    const std::size_t ordinal_;
    std::array<wire_cutter, 2> cutters_;
    std::deque<bool> answers_;     // of the requests under way: whether they pass
    bool answer_is_lost_ = false;  // of the request that comes now
    std::string held_;
};

}  // namespace

faulty_cable::faulty_cable(fault f) : fault_(f), all_(std::make_shared<progress>()) {}

std::unique_ptr<test::cable_tap> faulty_cable::tap() const {
    return std::make_unique<faulty_tap>(fault_, all_);
}

bool faulty_cable::has_struck() const {
    return all_->struck;
}

}  // namespace tidings::matrix
