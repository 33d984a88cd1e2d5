// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <tidings/lane/impl/send_queue.hpp>

#include <boost/asio/error.hpp>

#include <memory>
#include <string>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using detail::send_queue;

constexpr std::size_t block = send_queue::max_block_bytes;

/// A stream that takes as many bytes as the test allows, and keeps what it took.
class scripted_stream final : public io::stream {
 public:
    explicit scripted_stream(net::any_io_executor executor) : executor_(std::move(executor)) {}

    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        if (failure) return ec = failure, 0;
        const auto n = std::min(room, from.size());
        if (n == 0) return ec = net::error::would_block, 0;
        ec = {};
        take(from.first(n));
        return n;
    }
    void start_wait(io::wait_for, io::ready_callback done) override { waiting = std::move(done); }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        pending = from;
        writing = std::move(done);
    }
    std::uint64_t push_on() noexcept override { return pushed; }
    /// Completes the wait under way.
    void writable(error_code ec = {}) {
        auto done = std::exchange(waiting, nullptr);
        REQUIRE(done);
        done(ec);
    }
    /// Completes the write under way, with so many bytes of it.
    void wrote(std::size_t n, error_code ec = {}) {
        auto done = std::exchange(writing, nullptr);
        REQUIRE(done);
        take(pending.first(std::min(n, pending.size())));
        done(ec, std::min(n, pending.size()));
    }

    net::any_io_executor executor() const noexcept override { return executor_; }
    void start_handshake(io::ready_callback) override {}
    void start_read(std::span<std::byte>, io::read_callback) override {}
    bool can_poll() const noexcept override { return polled; }
    std::size_t try_read(std::span<std::byte>, error_code&) noexcept override { return 0; }
    void start_shutdown(io::ready_callback) override {}
    void close() noexcept override {}
    std::string remote_address() const override { return "test"; }
    bool remote_is_loopback() const noexcept override { return true; }

    bool polled = true;
    std::size_t room = 1'000'000'000;
    error_code failure;
    std::uint64_t pushed = 0;  // of a write under way
    std::string taken;
    std::vector<std::size_t> sizes;  // of each write
    io::ready_callback waiting;
    io::read_callback writing;
    std::span<const std::byte> pending;

 private:
    void take(std::span<const std::byte> bytes) {
        taken.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        sizes.push_back(bytes.size());
        room -= std::min(room, bytes.size());
    }
    net::any_io_executor executor_;
};

/// What is done where the queue reports something.
struct scripted_user final : detail::send_queue_user {
    void on_room() noexcept override {
        ++rooms;
        if (at_room) at_room();
    }
    void on_empty() noexcept override {
        ++empties;
        if (at_empty) at_empty();
    }
    void on_error(error_code ec) noexcept override {
        errors.push_back(ec);
        if (at_error) at_error();
    }
    int rooms = 0;
    int empties = 0;
    std::vector<error_code> errors;
    std::function<void()> at_room;
    std::function<void()> at_empty;
    std::function<void()> at_error;
};

struct queue_bed : context_fixture {
    queue_bed() : stream(io().get_executor()) {
        queue = std::make_shared<send_queue>(home, stream, 1000ms);
        queue->listen(&user);
    }
    ~queue_bed() {
        queue->close();
        queue.reset();
        home.reset();
    }
    std::string filler(std::size_t n) {
        std::string text;
        while (text.size() < n) text += static_cast<char>('a' + ++letter_ % 26);
        return text;
    }
    /// Appends within a turn of the lane.
    void append(std::string text) {
        expected += text;
        home->post([this, t = std::move(text)] { queue->append(t); });
    }

    /// The same in two parts.
    void append_parts(std::string first, std::string second) {
        expected += first + second;
        home->post([this, a = std::move(first), b = std::move(second)] { queue->append({a, b}); });
    }

    std::shared_ptr<detail::lane> home = detail::lane::make(io().get_executor(), clock());
    scripted_stream stream;
    scripted_user user;
    std::shared_ptr<send_queue> queue;
    std::string expected;

 private:
    int letter_ = 0;
};

TEST_CASE("what a turn appends leaves in one write", "[send_queue]") {
    queue_bed f;
    for (const auto* text : {"one ", "two ", "three"}) f.append(text);
    f.append("");
    f.run();
    CHECK(f.stream.taken == "one two three");
    CHECK(f.queue->writes() == 1);
    CHECK(f.queue->empty());
    f.append("four");
    f.run();
    CHECK(f.queue->writes() == 2);
    CHECK(f.stream.taken == f.expected);
}

TEST_CASE("bytes of a publication are written from where they are, and it is kept until then",
          "[send_queue]") {
    queue_bed f;
    error_code ec;
    const auto before = publication::live();
    f.stream.room = 2;
    static constexpr char form = 0;
    f.home->post([&, p = publication::make("a", made("bytes"), {}, ec)] {
        f.queue->append(p->store_form(&form, "bytes"));
    });
    f.run();
    CHECK(publication::live() == before + 1);
    CHECK(f.queue->pending_bytes() == 3);
    f.stream.room = 100;
    f.stream.writable();
    f.run();
    CHECK(f.stream.taken == "bytes");
    CHECK(publication::live() == before);
}

namespace {

/// Two queues of one lane, and forms that both may send.
struct pair_bed : queue_bed {
    pair_bed() : second_stream(io().get_executor()) {
        second = std::make_shared<send_queue>(home, second_stream, 1000ms);
        error_code ec;
        of = publication::make("a", made("x"), {}, ec);
    }
    ~pair_bed() { second->close(); }
    /// The form of that name, which is its bytes.
    wire_form form(const char& name) {
        auto known = of->form(&name);
        return known ? std::move(known) : of->store_form(&name, std::string(1, name) + " bytes ");
    }
    void append_to_both(std::initializer_list<const char*> names) {
        for (const auto& q : {queue, second})
            for (const auto* name : names) q->append(form(*name));
    }
    scripted_stream second_stream;
    std::shared_ptr<send_queue> second;
    event_ptr of;
};

constexpr char a = 'a', b = 'b', c = 'c';

}  // namespace

TEST_CASE("connections to which the same goes each get all of it, and nothing else",
          "[send_queue]") {
    pair_bed f;
    SECTION("the same") {
        f.home->post([&] { f.append_to_both({&a, &b}); });
        f.run();
        CHECK(f.stream.taken == "a bytes b bytes ");
        CHECK(f.second_stream.taken == f.stream.taken);
    }
    SECTION("as much, in another order") {
        f.home->post([&] {
            for (const auto* name : {&a, &b}) f.queue->append(f.form(*name));
            for (const auto* name : {&b, &a}) f.second->append(f.form(*name));
        });
        f.run();
        CHECK(f.stream.taken == "a bytes b bytes ");
        CHECK(f.second_stream.taken == "b bytes a bytes ");
    }
    SECTION("less") {
        f.home->post([&] {
            for (const auto* name : {&a, &b, &c}) f.queue->append(f.form(*name));
            for (const auto* name : {&a, &b}) f.second->append(f.form(*name));
        });
        f.run();
        CHECK(f.stream.taken == "a bytes b bytes c bytes ");
        CHECK(f.second_stream.taken == "a bytes b bytes ");
    }
    SECTION("with bytes of one's own") {
        f.home->post([&] {
            f.append_to_both({&a});
            f.queue->append("mine");
            f.second->append("yours");
        });
        f.run();
        CHECK(f.stream.taken == "a bytes mine");
        CHECK(f.second_stream.taken == "a bytes yours");
    }
    SECTION("where a part of the first has left") {
        f.second_stream.room = 2;
        f.home->post([&] { f.append_to_both({&a, &b}); });
        f.run();
        CHECK(f.second_stream.taken == "a ");
        f.second_stream.room = 1000;
        f.second_stream.writable();
        f.home->post([&] { f.append_to_both({&a, &b}); });
        f.run();
        CHECK(f.second_stream.taken == "a bytes b bytes a bytes b bytes ");
    }
    SECTION("in the next turn, by another form in the same place") {
        f.home->post([&] { f.append_to_both({&a, &b}); });
        f.run();
        error_code ec;
        f.of = publication::make("a", made("x"), {}, ec);
        f.home->post([&] { f.append_to_both({&b, &c}); });
        f.run();
        CHECK(f.second_stream.taken == "a bytes b bytes b bytes c bytes ");
    }
}

TEST_CASE("what was put together for several connections is released with its turn",
          "[send_queue]") {
    pair_bed f;
    const auto before = publication::live();
    f.home->post([&] { f.append_to_both({&a, &b}); });
    f.run();
    f.of = {};
    CHECK(publication::live() == before - 1);
}

TEST_CASE("what is sent while a turn flushes does not become that of another connection",
          "[send_queue]") {
    pair_bed f;
    scripted_user second_user;
    f.second->listen(&second_user);
    // The first is empty in the middle of the flush, and sends more than the second has.
    f.user.at_empty = [&] {
        f.queue->append(std::string(block, 'x'));
        f.queue->append("end");
    };
    f.home->post([&] {
        f.append_to_both({&a, &b});
        f.queue->report_empty();
    });
    f.run();
    CHECK(f.stream.taken.starts_with("a bytes b bytes xxx"));
    CHECK(f.stream.taken.ends_with("xend"));
    CHECK(f.second_stream.taken == "a bytes b bytes ");
    f.second->close();
}

TEST_CASE("a full socket is waited for, and what is appended meanwhile goes behind",
          "[send_queue]") {
    queue_bed f;
    f.stream.room = 4;
    f.append("abcdef");
    f.append("gh");
    f.run();
    CHECK(f.stream.taken == "abcd");
    f.append("ij");
    f.run();
    CHECK(f.queue->writes() == 1);
    f.stream.room = 3;
    f.stream.writable();
    CHECK(f.stream.taken == "abcdefg");
    f.stream.room = 100;
    f.stream.writable();
    CHECK(f.stream.taken == f.expected);
    CHECK(f.queue->empty());
    CHECK_FALSE(f.stream.waiting);
}

TEST_CASE("a block leaves within the turn, and the queue is not ready while one is pending",
          "[send_queue]") {
    queue_bed f;
    f.stream.room = 0;
    f.append(f.filler(block - 300));
    f.run();
    CHECK(f.queue->ready());
    f.append(f.filler(300));
    f.run();
    CHECK_FALSE(f.queue->ready());
    f.append("control bytes are always taken");
    f.run();
    CHECK(f.user.rooms == 0);
    // Room is reported at half the mark.
    f.stream.room = block / 2;
    f.stream.writable();
    CHECK(f.user.rooms == 0);
    f.stream.room = 500;
    f.stream.writable();
    CHECK(f.user.rooms == 1);
    CHECK(f.queue->ready());
    f.stream.room = 1'000'000;
    f.stream.writable();
    CHECK(f.user.rooms == 1);
    CHECK(f.stream.taken == f.expected);
}

TEST_CASE("many messages, and large ones, leave in order and whole", "[send_queue]") {
    const std::size_t step = GENERATE(1u, 1000u, 70'000u, 1'000'000u);
    queue_bed f;
    f.stream.room = 0;
    for (const std::size_t size : {10u, 100'000u, 1u, 65'536u, 40'000u, 40'000u, 200'000u, 3u})
        f.append(f.filler(size));
    for (int i = 0; i < 3000; ++i) f.append(f.filler(7));
    f.run();
    int waits = 0;
    while (!f.queue->empty() && ++waits < 500'000) {
        f.stream.room = step == 1 && waits > 100 ? 50'000 : step;
        f.stream.writable();
        f.run();
    }
    CHECK((f.stream.taken == f.expected));
    CHECK(f.user.errors.empty());
}

TEST_CASE("a queue that is refilled when it has room sends everything once", "[send_queue]") {
    queue_bed f;
    int left = 100;
    const auto refill = [&] {
        while (left > 0 && f.queue->ready()) {
            --left;
            const auto text = f.filler(10'000);
            f.expected += text;
            f.queue->append(text);
        }
    };
    f.user.at_room = refill;
    f.home->post([&] { refill(); });
    f.run();
    CHECK(left == 0);
    CHECK((f.stream.taken == f.expected));
}

TEST_CASE("an error is reported once, and nothing is sent any more", "[send_queue]") {
    queue_bed f;
    const int where = GENERATE(0, 1);
    if (where == 0) f.stream.failure = net::error::connection_reset;
    if (where == 1) f.stream.room = 0;
    f.append("abc");
    f.home->post([&] { f.queue->report_empty(); });
    f.run();
    if (where == 1) f.stream.writable(net::error::connection_reset);
    CHECK(f.user.errors == std::vector<error_code>{net::error::connection_reset});
    CHECK(f.user.empties == 0);
    CHECK_FALSE(f.queue->ready());
    CHECK(f.queue->pending_bytes() == 0);
    f.stream.failure = {};
    f.append("def");
    f.run();
    CHECK(f.stream.taken.empty());
    CHECK(f.user.errors.size() == 1);
}

TEST_CASE("a socket that stays full for the write timeout is an error", "[send_queue]") {
    const bool polled = GENERATE(true, false);
    queue_bed f;
    f.stream.polled = polled;
    f.stream.room = 0;
    f.append("abc");
    f.run();
    f.advance(999ms);
    CHECK(f.user.errors.empty());
    f.advance(50ms);
    CHECK(f.user.errors == std::vector<error_code>{errc::timed_out});
    if (polled)
        f.stream.writable();
    else
        f.stream.wrote(3);
    f.run();
    CHECK(f.user.errors.size() == 1);
    CHECK(f.clock().next_deadline() == std::nullopt);
}

TEST_CASE("a peer that takes 1 KiB/s over the write timeout is not cut, a slower one is",
          "[send_queue][fault-5]") {
    const bool polled = GENERATE(true, false);
    const std::size_t step = GENERATE(60u, 45u);
    CAPTURE(polled, step);
    queue_bed f;
    f.stream.polled = polled;
    f.stream.room = 0;
    f.append(f.filler(std::size_t{10} * 1024));
    f.run();
    for (int i = 0; i < 160 && f.user.errors.empty(); ++i) {
        f.advance(50ms);
        f.stream.room = step;
        if (!polled && f.stream.writing) f.stream.wrote(step);
        if (polled && f.stream.waiting) f.stream.writable();
        f.run();
    }
    CHECK(f.user.errors.empty() == (step == 60));
    if (step == 45) CHECK(f.user.errors.at(0) == errc::timed_out);
}

TEST_CASE("what leaves in the middle of a write counts for the pace", "[send_queue][fault-5]") {
    const std::size_t step = GENERATE(60u, 45u);
    CAPTURE(step);
    queue_bed f;
    f.stream.polled = false;
    f.stream.pushed = 5000;  // of a handshake
    f.append(f.filler(block));
    f.run();
    // The write of a whole block takes a minute.
    for (int i = 0; i < 1000 && f.user.errors.empty(); ++i) {
        f.advance(50ms);
        f.stream.pushed += step;
    }
    CHECK(f.user.errors.empty() == (step == 60));
    if (step == 45) return;
    // What has left already counts once.
    f.stream.wrote(block);
    f.append(f.filler(100));
    f.run();
    f.advance(2100ms);
    CHECK(f.user.errors == std::vector<error_code>{errc::timed_out});
}

TEST_CASE("many small messages count for the memory they take", "[send_queue][fault-4]") {
    queue_bed f;
    f.stream.room = 0;
    int taken = 0;
    f.home->post([&] {
        while (f.queue->ready() && taken < 100'000) {
            f.queue->append(std::string(2, 'x'));
            ++taken;
        }
    });
    f.run();
    CHECK(taken > 100);
    CHECK(taken < 1000);
    CHECK(f.queue->pending_bytes() == static_cast<std::size_t>(2 * taken));
    CHECK(f.queue->over(block - 1));
    f.stream.room = 1'000'000;
    f.stream.writable();
    CHECK(f.user.rooms == 1);
    CHECK(f.queue->empty());
    CHECK_FALSE(f.queue->over(0));
}

TEST_CASE("what is left of little may be taken slowly", "[send_queue][fault-5]") {
    queue_bed f;
    f.stream.room = 0;
    f.append("abc");
    f.run();
    f.advance(900ms);
    f.stream.room = 3;
    f.stream.writable();
    f.advance(5000ms);
    CHECK(f.user.errors.empty());
    CHECK(f.stream.taken == "abc");
    CHECK(f.clock().next_deadline() == std::nullopt);
}

TEST_CASE("the system's room is asked for before a slow peer is cut", "[send_queue][fault-5]") {
    queue_bed f;
    f.stream.room = 0;
    f.append(f.filler(4096));
    f.run();
    // The system has room, and does not say so yet.
    for (int i = 0; i < 3; ++i) {
        f.stream.room = 1200;
        f.advance(1050ms);
        CHECK(f.user.errors.empty());
    }
    f.stream.room = 0;
    f.advance(1050ms);
    CHECK(f.user.errors == std::vector<error_code>{errc::timed_out});
}

TEST_CASE("only a full stream, and a block that more waits behind, count as stalls",
          "[send_queue]") {
    queue_bed f;
    f.append("abc");
    f.run();
    CHECK(f.queue->stalls() == 0);
    f.stream.room = 1;
    f.append("def");
    f.run();
    CHECK(f.queue->stalls() == 1);
    f.stream.room = 2;
    f.stream.writable();
    CHECK(f.queue->stalls() == 1);
    f.stream.polled = false;
    f.stream.room = 100;
    f.append("ghi");
    f.run();
    f.stream.wrote(3);
    CHECK(f.queue->stalls() == 1);
    f.append("jkl");
    f.run();
    f.append("mno");
    f.run();
    f.stream.wrote(3);
    CHECK(f.queue->stalls() == 2);
    f.stream.wrote(3);
    CHECK(f.queue->empty());
    CHECK(f.queue->stalls() == 2);
}

TEST_CASE("when everything is sent, or nothing is left to send, it is reported", "[send_queue]") {
    queue_bed f;
    f.run();
    f.queue->report_empty();
    CHECK(f.user.empties == 0);
    f.run();
    CHECK(f.user.empties == 1);
    f.stream.room = 1;
    f.append("ab");
    f.home->post([&] { f.queue->report_empty(); });
    f.run();
    CHECK(f.user.empties == 1);
    f.stream.room = 1;
    f.stream.writable();
    CHECK(f.user.empties == 2);
    f.append("c");
    f.stream.room = 1;
    f.run();
    CHECK(f.user.empties == 2);  // once for each time that it was asked for
    f.queue->report_empty();
    f.queue->close();
    f.run();
    CHECK(f.user.empties == 2);
}

TEST_CASE("a stream that cannot be polled gets one write at a time", "[send_queue]") {
    queue_bed f;
    f.stream.polled = false;
    f.append("abc");
    f.append("def");
    f.run();
    CHECK(f.stream.pending.size() == 6);
    f.append("ghi");
    f.run();
    CHECK(f.queue->writes() == 1);
    f.stream.wrote(4);
    CHECK(f.stream.pending.size() == 2);
    f.stream.wrote(2);
    CHECK(f.stream.pending.size() == 3);
    f.stream.wrote(3);
    CHECK(f.stream.taken == f.expected);
    CHECK(f.queue->empty());
    CHECK_FALSE(f.stream.writing);

    f.append(f.filler(block * 2));
    f.append(f.filler(10));
    f.run();
    CHECK_FALSE(f.queue->ready());
    CHECK(f.stream.pending.size() == block);
    f.stream.wrote(block);
    CHECK(f.user.rooms == 0);
    CHECK(f.stream.pending.size() == block);
    f.stream.wrote(block);
    CHECK(f.user.rooms == 1);
    f.stream.wrote(10);
    CHECK((f.stream.taken == f.expected));

    f.append("x");
    f.run();
    f.stream.wrote(0, net::error::broken_pipe);
    CHECK(f.user.errors == std::vector<error_code>{net::error::broken_pipe});
}

TEST_CASE("a closed queue forgets everything and calls nobody", "[send_queue]") {
    const bool polled = GENERATE(true, false);
    queue_bed f;
    f.stream.polled = polled;
    f.stream.room = 1;
    f.append(f.filler(block));
    f.home->post([&] { f.queue->report_empty(); });
    f.run();
    f.queue->close();
    if (polled)
        f.stream.writable();
    else
        f.stream.wrote(1);
    f.advance(5000ms);
    CHECK(f.user.rooms == 0);
    CHECK(f.user.empties == 0);
    CHECK(f.user.errors.empty());
    CHECK(f.queue->empty());
}

TEST_CASE("a queue that gives back its memory keeps what waits", "[send_queue]") {
    queue_bed f;
    f.stream.room = 1;
    f.append("abc");
    f.append("def");
    f.run();
    f.queue->shrink();
    f.stream.room = 100;
    f.stream.writable();
    CHECK(f.stream.taken == f.expected);
    f.queue->shrink();
    f.append("ghi");
    f.run();
    CHECK(f.stream.taken == f.expected);
}

TEST_CASE("a queue may be closed and released from inside each call that it makes",
          "[send_queue]") {
    queue_bed f;
    const int where = GENERATE(0, 1, 2);
    CAPTURE(where);
    const auto end = [&] {
        f.queue->close();
        f.queue.reset();
    };
    std::weak_ptr<send_queue> released = f.queue;
    if (where == 0) f.user.at_room = end;
    if (where == 1) f.user.at_empty = end;
    if (where == 2) f.user.at_error = end;
    if (where == 2) f.stream.failure = net::error::connection_reset;
    f.append(std::string(block, 'x'));
    if (where == 1) f.home->post([&] { f.queue->report_empty(); });
    f.run();
    CHECK(f.user.rooms == (where == 0 ? 1 : 0));
    CHECK(f.user.empties == (where == 1 ? 1 : 0));
    CHECK(f.user.errors.size() == (where == 2 ? 1 : 0));
    CHECK(released.expired());
    f.queue = std::make_shared<send_queue>(f.home, f.stream, 1000ms);
}

}  // namespace

TEST_CASE_METHOD(queue_bed, "small parts join what waits of the queue's own", "[send_queue]") {
    stream.polled = GENERATE(true, false);
    CAPTURE(stream.polled);
    const auto complete = [this] {
        for (int i = 0; i < 100 && stream.taken.size() < expected.size(); ++i) {
            stream.polled ? stream.writable() : stream.wrote(7);
            run();
        }
        CHECK(stream.taken == expected);
        CHECK(queue->empty());
    };
    stream.room = 5;
    append_parts("head ", "and body");
    append_parts("another ", "one");
    run();
    const auto one = queue->pending_bytes();
    CHECK(one + stream.taken.size() == expected.size());
    stream.room = 1'000'000'000;
    append_parts("behind ", "what has begun");
    append(filler(100));
    append_parts("", "the last");
    run();
    complete();
    // A block of them leaves in one write, and what is large is not copied again and again.
    const auto before = stream.sizes.size();
    for (int i = 0; i < 16; ++i) append_parts(filler(4), filler(1024));
    run();
    if (stream.polled) CHECK(stream.sizes.size() == before + 1);
    for (int i = 0; i < 8; ++i) append_parts(filler(4), filler(block / 3));
    run();
    if (!stream.polled)
        while (stream.writing) {
            stream.wrote(block);
            run();
        }
    CHECK(stream.taken == expected);
    CHECK(queue->empty());
}

}  // namespace tidings::test
