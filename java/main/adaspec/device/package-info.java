/**
 * The only package that calls native code: what computes ({@link adaspec.device.Device}, {@link adaspec.device.CudaDevice}), the engine's own operations
 * behind the C ABI ({@link adaspec.device.Kernels}) and matrix products ({@link adaspec.device.Gemm}).
 */
package adaspec.device;
