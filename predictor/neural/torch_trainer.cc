// All of LibTorch is in this file. It becomes a shared object of its own, which load_trainer()
// opens.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "predictor/neural/trainer.h"

// Of OpenBLAS; absent in another BLAS. Two threads on products this small are 12 times slower.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int threads);

namespace augurfs {
namespace {

constexpr std::size_t kAhead = 4;  // next reads of the stream that a query should fit

at::Tensor tensor_of(std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  return at::from_blob(values.data(), shape, at::kFloat);
}

at::Tensor tensor_of(std::vector<std::int64_t>& values) {
  return at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kLong);
}

// Bags of rows, and those rows of the table that occur in any of them. The bags come in groups, one
// after the other.
class Bags {
 public:
  Bags() : local_(kFeatureRows, -1) {}

  void clear() {
    for (const std::int64_t row : rows_) local_[static_cast<std::size_t>(row)] = -1;
    rows_.clear();
    entries_.clear();
    ends_.clear();
    groups_.clear();
  }

  void begin_group() { groups_.push_back(0); }
  void add(const FeatureBag& bag) {
    for (const std::uint16_t row : bag.rows()) {
      if (local_[row] < 0) {
        local_[row] = static_cast<std::int64_t>(rows_.size());
        rows_.push_back(row);
      }
      entries_.push_back(static_cast<std::size_t>(local_[row]));
    }
    ends_.push_back(entries_.size());
    ++groups_.back();
  }

  const std::vector<std::int64_t>& rows() const { return rows_; }
  // How many bags are in each.
  const std::vector<std::int64_t>& groups() const { return groups_; }
  // For each bag, in order, and each row in it: the bag's number in its group, the group's, the
  // row's number among rows().
  template <typename Visit>
  void visit(Visit visit) const {
    std::size_t bag = 0;
    std::size_t entry = 0;
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      for (std::int64_t i = 0; i < groups_[group]; ++i, ++bag) {
        for (; entry < ends_[bag]; ++entry) visit(group, i, entries_[entry]);
      }
    }
  }

 private:
  std::vector<std::int64_t> local_;  // of a row; -1: in no bag
  std::vector<std::int64_t> rows_;
  std::vector<std::size_t> entries_;
  std::vector<std::size_t> ends_;  // of each bag among the entries
  std::vector<std::int64_t> groups_;
};

void add_vector(const float* __restrict from, float* __restrict to) {
  for (std::size_t i = 0; i < kVector; ++i) to[i] += from[i];
}

// Vectors of bags, a tensor for each group. LibTorch's embedding_bag sorts all entries to go back.
class Embed : public torch::autograd::Function<Embed> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& table, const Bags* bags) {
    context->saved_data["bags"] = reinterpret_cast<std::int64_t>(bags);
    std::vector<at::Tensor> groups;
    for (const std::int64_t count : bags->groups()) {
      groups.push_back(at::zeros({count, kVector}));
    }
    const float* const from = table.data_ptr<float>();
    const auto to = pointers(groups);
    bags->visit([&](std::size_t group, std::int64_t bag, std::size_t row) {
      add_vector(from + row * kVector, to[group] + bag * kVector);
    });
    return groups;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list slopes) {
    const auto* const bags = reinterpret_cast<const Bags*>(context->saved_data["bags"].toInt());
    for (at::Tensor& slope : slopes) slope = slope.contiguous();
    at::Tensor of_table = at::zeros({static_cast<std::int64_t>(bags->rows().size()), kVector});
    float* const to = of_table.data_ptr<float>();
    const auto from = pointers(slopes);
    bags->visit([&](std::size_t group, std::int64_t bag, std::size_t row) {
      add_vector(from[group] + bag * kVector, to + row * kVector);
    });
    return {of_table, {}};
  }

 private:
  static std::vector<float*> pointers(const std::vector<at::Tensor>& tensors) {
    std::vector<float*> pointers;
    for (const at::Tensor& tensor : tensors) pointers.push_back(tensor.data_ptr<float>());
    return pointers;
  }
};

// A GRU over all episodes side by side. LibTorch's own takes some forty operations of autograd for
// each read and holds all that is between; by hand it is five, and its derivatives are one product
// for each read and one for each matrix.
class Gru : public torch::autograd::Function<Gru> {
 public:
  // inputs: reads x episodes x kVector; before: episodes x kState. The states after each read.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& inputs,
                            const at::Tensor& before, const at::Tensor& of_input,
                            const at::Tensor& input_bias, const at::Tensor& of_state,
                            const at::Tensor& state_bias) {
    const std::int64_t reads = inputs.size(0);
    const std::int64_t episodes = inputs.size(1);
    // Of the input at first; then in place what it becomes: reset, update, new.
    at::Tensor gates = at::addmm(input_bias, inputs.view({reads * episodes, kVector}), of_input)
                           .view({reads, episodes, kGates});
    at::Tensor from_state = at::empty_like(gates);
    at::Tensor states = at::empty({reads + 1, episodes, kState});
    states[0].copy_(before);
    for (std::int64_t i = 0; i < reads; ++i) {
      const at::Tensor state = states[i];
      at::Tensor from = from_state[i];
      at::addmm_out(from, state_bias, state, of_state);
      at::Tensor gate = gates[i];
      at::Tensor both = gate.narrow(1, 0, 2 * kState);
      both.add_(from.narrow(1, 0, 2 * kState)).sigmoid_();
      at::Tensor fresh = gate.narrow(1, 2 * kState, kState);
      fresh.addcmul_(both.narrow(1, 0, kState), from.narrow(1, 2 * kState, kState)).tanh_();
      at::Tensor after = states[i + 1];
      at::lerp_out(after, fresh, state, both.narrow(1, kState, kState));
    }
    context->save_for_backward({inputs, of_input, of_state, gates, from_state, states});
    return states.narrow(0, 1, reads);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& slopes) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& inputs = saved[0];
    const at::Tensor& of_input = saved[1];
    const at::Tensor& of_state = saved[2];
    const at::Tensor& gates = saved[3];
    const at::Tensor& states = saved[5];
    const std::int64_t reads = inputs.size(0);
    const std::int64_t rows = inputs.size(0) * inputs.size(1);
    const at::Tensor slope = slopes[0].contiguous();
    // Of the two products: by the input, and by the state, which `reset` scales in part.
    at::Tensor by_input = at::empty_like(gates);
    at::Tensor by_state = at::empty_like(gates);
    at::Tensor carried = at::zeros_like(states[0]);
    for (std::int64_t i = reads - 1; i >= 0; --i) {
      back_one_read({slope[i], gates[i], saved[4][i], states[i]}, carried, by_input[i],
                    by_state[i]);
      carried.addmm_(by_state[i], of_state.t());
    }
    const at::Tensor flat_input = by_input.view({rows, kGates});
    const at::Tensor flat_state = by_state.view({rows, kGates});
    const at::Tensor earlier = states.narrow(0, 0, reads).view({rows, kState});
    return {flat_input.mm(of_input.t()).view_as(inputs),
            {},
            inputs.view({rows, kVector}).t().mm(flat_input),
            flat_input.sum(0),
            earlier.t().mm(flat_state),
            flat_state.sum(0)};
  }

 private:
  struct Read {
    at::Tensor slope;  // of the state after it
    at::Tensor gates;
    at::Tensor from_state;
    at::Tensor state;
  };

  // carried: in, what later reads say of the state after this one; out, of the one before, all but
  // what the product adds.
  static void back_one_read(const Read& read, at::Tensor& carried, at::Tensor by_input,
                            at::Tensor by_state) {
    for (std::int64_t e = 0; e < carried.size(0); ++e) {
      const float* __restrict slope = read.slope.data_ptr<float>() + e * kState;
      const float* __restrict gates = read.gates.data_ptr<float>() + e * kGates;
      const float* __restrict from = read.from_state.data_ptr<float>() + e * kGates + 2 * kState;
      const float* __restrict state = read.state.data_ptr<float>() + e * kState;
      float* __restrict carry = carried.data_ptr<float>() + e * kState;
      float* __restrict input = by_input.data_ptr<float>() + e * kGates;
      float* __restrict hidden = by_state.data_ptr<float>() + e * kGates;
      for (std::size_t i = 0; i < kState; ++i) {
        const float reset = gates[i];
        const float update = gates[kState + i];
        const float fresh = gates[2 * kState + i];
        const float all = slope[i] + carry[i];
        const float of_fresh = all * (1 - update) * (1 - fresh * fresh);
        input[i] = hidden[i] = of_fresh * from[i] * reset * (1 - reset);
        input[kState + i] = hidden[kState + i] = all * (state[i] - fresh) * update * (1 - update);
        input[2 * kState + i] = of_fresh;
        hidden[2 * kState + i] = of_fresh * reset;
        carry[i] = all * update;
      }
    }
  }
};

class TorchTrainer : public Trainer {
 public:
  TorchTrainer() : table_squares_(kFeatureRows, 0.0F), mean_(kDense, 0.0F), squares_(kDense, 0.0F) {
    at::set_num_threads(1);
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  }

  std::optional<float> train(std::span<const Episode> batch, NeuralWeights& weights) override {
    try {
      collect(batch);
      if (reads_.empty()) return std::nullopt;
      borrow(weights);
      const at::Tensor loss = loss_of(batch);
      loss.backward();
      const auto value = loss.item<float>();
      if (!std::isfinite(value) || !gradients_finite()) return std::nullopt;
      step_table(weights);
      step_dense(weights);
      return value;
    } catch (const std::exception&) {  // most of all, no memory
      return std::nullopt;
    }
  }

 private:
  static constexpr std::size_t kFirstDense = static_cast<std::size_t>(Matrix::kInputGates);
  static constexpr std::size_t kDenseBegin = offset_of(Matrix::kInputGates);
  static constexpr std::size_t kDense = NeuralWeights::kCount - kDenseBegin;

  // All bags: inputs, the first of each episode, then the second of each, padded to the longest
  // one; then places of reads, then those of lessons.
  void collect(std::span<const Episode> batch) {
    bags_.clear();
    bags_.begin_group();
    reads_.clear();
    longest_ = 0;
    for (const Episode& episode : batch) longest_ = std::max(longest_, episode.reads.size());
    for (std::size_t i = 0; i < longest_; ++i) {
      for (const Episode& episode : batch) {
        bags_.add(i < episode.reads.size() ? episode.reads[i].input : FeatureBag{});
      }
    }
    for (std::size_t e = 0; e < batch.size(); ++e) {
      for (std::size_t i = 0; i < batch[e].reads.size(); ++i) {
        reads_.push_back(static_cast<std::int64_t>(i * batch.size() + e));
      }
    }
    // A place that was read several times stands there once.
    bags_.begin_group();
    column_of_.clear();
    for (const Episode& episode : batch) {
      for (const Episode::Read& read : episode.reads) {
        if (column_of_.emplace(read.key, column_of_.size()).second) bags_.add(read.place);
      }
    }
    bags_.begin_group();
    lesson_reads_.clear();
    hand_.clear();
    used_.clear();
    for (std::size_t e = 0; e < batch.size(); ++e) {
      for (const Lesson& lesson : batch[e].lessons) {
        bags_.add(lesson.place);
        lesson_reads_.push_back(static_cast<std::int64_t>(lesson.read * batch.size() + e));
        hand_.insert(hand_.end(), lesson.hand.begin(), lesson.hand.end());
        for (const bool used : lesson.used) used_.push_back(used ? 1.0F : 0.0F);
      }
    }
  }

  // Tensors over copies of the weights that take part.
  void borrow(const NeuralWeights& weights) {
    const auto& rows = bags_.rows();
    rows_values_.resize(rows.size() * kVector);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* row = weights.at(Matrix::kTable) + static_cast<std::size_t>(rows[i]) * kVector;
      std::copy_n(row, kVector, rows_values_.data() + i * kVector);
    }
    table_ = tensor_of(rows_values_, {static_cast<std::int64_t>(rows.size()), kVector});
    table_.set_requires_grad(true);
    dense_values_.assign(weights.values().begin() + kDenseBegin, weights.values().end());
    for (std::size_t i = kFirstDense; i < kMatrixShapes.size(); ++i) {
      const MatrixShape shape = kMatrixShapes[i];
      std::vector<std::int64_t> sizes{static_cast<std::int64_t>(shape.columns)};
      if (shape.rows > 1) sizes.insert(sizes.begin(), static_cast<std::int64_t>(shape.rows));
      float* const values = dense_values_.data() + offset_of(Matrix(i)) - kDenseBegin;
      dense_[i] = at::from_blob(values, sizes, at::kFloat);
      dense_[i].set_requires_grad(true);
    }
  }

  const at::Tensor& matrix(Matrix which) const { return dense_[static_cast<std::size_t>(which)]; }

  at::Tensor loss_of(std::span<const Episode> batch) {
    const auto episodes = static_cast<std::int64_t>(batch.size());
    const auto longest = static_cast<std::int64_t>(longest_);
    const auto lessons = static_cast<std::int64_t>(lesson_reads_.size());
    const auto vectors = Embed::apply(table_, &bags_);
    const at::Tensor inputs = vectors[0].view({longest, episodes, kVector});
    before_.clear();
    for (const Episode& episode : batch) {
      before_.insert(before_.end(), episode.before.begin(), episode.before.end());
    }
    const at::Tensor states = Gru::apply(inputs, tensor_of(before_, {episodes, kState}),
                                         matrix(Matrix::kInputGates), matrix(Matrix::kInputBias),
                                         matrix(Matrix::kStateGates), matrix(Matrix::kStateBias));
    const at::Tensor queries =
        at::addmm(matrix(Matrix::kQueryBias), states.reshape({episodes * longest, kState}),
                  matrix(Matrix::kQuery));
    const at::Tensor sharpness = matrix(Matrix::kSharpness).exp();
    const at::Tensor fits =
        (queries.index_select(0, tensor_of(reads_)) * sharpness).mm(vectors[1].t());
    at::Tensor loss = kFindWeight * finding_loss(batch, fits);
    if (lessons > 0) {
      const at::Tensor fit =
          (queries.index_select(0, tensor_of(lesson_reads_)) * vectors[2]).sum(1, true) * sharpness;
      loss = loss + ranking_loss(fit, lessons);
    }
    return loss;
  }

  // Each query is to find the next reads of its stream among all places of the batch.
  at::Tensor finding_loss(std::span<const Episode> batch, const at::Tensor& fits) {
    const std::size_t columns = column_of_.size();
    wanted_.assign(reads_.size() * columns, 0.0F);
    float* row = wanted_.data();
    float rows_wanting = 0;
    for (const Episode& episode : batch) {
      for (std::size_t i = 0; i < episode.reads.size(); ++i, row += columns) {
        const std::size_t end = std::min(episode.reads.size(), i + 1 + kAhead);
        if (i + 1 == end) continue;
        ++rows_wanting;
        const float share = 1.0F / static_cast<float>(end - i - 1);
        for (std::size_t next = i + 1; next < end; ++next) {
          row[column_of_.at(episode.reads[next].key)] += share;
        }
      }
    }
    return -(at::log_softmax(fits, 1) *
             tensor_of(wanted_, {static_cast<std::int64_t>(reads_.size()),
                                 static_cast<std::int64_t>(columns)}))
                .sum() /
           std::max(rows_wanting, 1.0F);
  }

  at::Tensor ranking_loss(const at::Tensor& fit, std::int64_t lessons) {
    const at::Tensor input = at::cat({tensor_of(hand_, {lessons, kHandFeatures}), fit}, 1);
    const at::Tensor first =
        at::relu(at::addmm(matrix(Matrix::kRankFirstBias), input, matrix(Matrix::kRankFirst)));
    const at::Tensor second =
        at::relu(at::addmm(matrix(Matrix::kRankSecondBias), first, matrix(Matrix::kRankSecond)));
    const at::Tensor scores =
        at::addmm(matrix(Matrix::kRankLastBias), second, matrix(Matrix::kRankLast));
    return static_cast<float>(kHorizons) *
           at::binary_cross_entropy_with_logits(scores, tensor_of(used_, {lessons, kHorizons}));
  }

  bool gradients_finite() const {
    const auto is_finite = [](const at::Tensor& tensor) {
      return std::isfinite(tensor.grad().sum().item<float>());
    };
    return is_finite(table_) &&
           std::all_of(dense_.begin() + kFirstDense, dense_.end(), [&](const at::Tensor& matrix) {
             return !matrix.grad().defined() || is_finite(matrix);
           });
  }

  // Adagrad, a rate for each row: rows are seen rarely, and some much more rarely than others.
  void step_table(NeuralWeights& weights) {
    constexpr float kRate = 0.05F;
    constexpr float kSmall = 1e-8F;
    const at::Tensor gradients = table_.grad().contiguous();
    const float* gradient = gradients.data_ptr<float>();
    for (const std::int64_t row : bags_.rows()) {
      const auto index = static_cast<std::size_t>(row);
      float sum = 0;
      for (std::size_t i = 0; i < kVector; ++i) sum += gradient[i] * gradient[i];
      table_squares_[index] += sum / kVector;
      const float rate = kRate / std::sqrt(table_squares_[index] + kSmall);
      float* values = weights.at(Matrix::kTable) + index * kVector;
      for (std::size_t i = 0; i < kVector; ++i) values[i] -= rate * gradient[i];
      gradient += kVector;
    }
  }

  // Adam.
  void step_dense(NeuralWeights& weights) {
    constexpr float kRate = 2e-3F;
    constexpr float kMeanMemory = 0.9F;
    constexpr float kSquaresMemory = 0.999F;
    constexpr float kSmall = 1e-8F;
    ++steps_;
    const float mean_scale = 1.0F / (1.0F - std::pow(kMeanMemory, static_cast<float>(steps_)));
    const float squares_scale =
        1.0F / (1.0F - std::pow(kSquaresMemory, static_cast<float>(steps_)));
    for (std::size_t m = kFirstDense; m < dense_.size(); ++m) {
      if (!dense_[m].grad().defined()) continue;  // the ranker's, without lessons
      const at::Tensor gradients = dense_[m].grad().contiguous();
      const float* const gradient = gradients.data_ptr<float>();
      float* const values = weights.at(Matrix(m));
      float* const mean = mean_.data() + offset_of(Matrix(m)) - kDenseBegin;
      float* const squares = squares_.data() + offset_of(Matrix(m)) - kDenseBegin;
      for (std::size_t i = 0; i < static_cast<std::size_t>(gradients.numel()); ++i) {
        mean[i] += (1.0F - kMeanMemory) * (gradient[i] - mean[i]);
        squares[i] += (1.0F - kSquaresMemory) * (gradient[i] * gradient[i] - squares[i]);
        values[i] -=
            kRate * mean[i] * mean_scale / (std::sqrt(squares[i] * squares_scale) + kSmall);
      }
    }
  }

  static constexpr float kFindWeight = 0.3F;

  // Tensors only borrow these, also those that going back through the network needs.
  Bags bags_;
  std::vector<float> before_;
  std::vector<float> wanted_;
  std::size_t longest_ = 0;
  std::vector<std::int64_t> reads_;         // which of the padded inputs are reads
  std::vector<std::int64_t> lesson_reads_;  // at which of them a lesson was thought of
  std::unordered_map<std::uint64_t, std::size_t> column_of_;  // of a place, by its key
  std::vector<float> hand_;
  std::vector<float> used_;
  std::vector<float> rows_values_;
  std::vector<float> dense_values_;
  at::Tensor table_;
  std::array<at::Tensor, kMatrixShapes.size()> dense_;  // by Matrix; that of the table is empty
  std::vector<float> table_squares_;
  std::vector<float> mean_;
  std::vector<float> squares_;
  std::uint64_t steps_ = 0;
};

}  // namespace
}  // namespace augurfs

extern "C" __attribute__((visibility("default"))) augurfs::Trainer* augurfs_make_trainer() {
  return new augurfs::TorchTrainer;
}
