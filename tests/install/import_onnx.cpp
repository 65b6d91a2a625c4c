// What a program that runs ONNX models needs; this one makes its model itself.

#include <cstdio>
#include <exception>

#include "weft/frontends/onnx/import.h"
#include "weft/runtime/session.h"

int main() {
  using namespace weft;
  try {
    onnx::ValueInfoProto x;
    x.name = "x";
    x.type.kind = onnx::TypeProto::Kind::tensor;
    x.type.elem_type = onnx::DataType::f32;
    x.type.shape.emplace(1);
    onnx::ModelProto model;
    model.opset_import = {{"", 17}};
    model.graph.input = {x};
    model.graph.output.resize(1);
    model.graph.output[0].name = "y";
    model.graph.node.resize(1);
    model.graph.node[0].op_type = "Add";
    model.graph.node[0].input = {"x", "x"};
    model.graph.node[0].output = {"y"};

    Graph graph;
    const onnx::Imported imported = onnx::import_model(graph, model, {});
    Session session(graph);
    const Function twice =
        session.compile({.inputs = {imported.input("x")}, .outputs = {imported.output("y")}});
    const Tensor y = twice({Tensor::of({1.0F, 2.0F})})[0];
    std::puts(to_string(y).c_str());
    return y.values<float>()[1] == 4.0F ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
